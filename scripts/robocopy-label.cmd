@echo off
rem robocopy-label.cmd ROOT LABEL TARGET [OPTIONS OF ROBOCOPY]
rem
rem Brings ROOT\LABEL to TARGET\LABEL in the order in which no reader at the target meets an index that names a file which is not
rem there: packages, then indexes and manifest, then what lies beside the folder; last it deletes what is gone. Stops at the first
rem pass that fails. The options stand for /R:5 /W:5, six at most. A path with blanks goes into double quotes.
rem
rem Exit code: 0 all is there; 2 wrong call, nothing was done; 5 a pass failed. (robocopy's own is a set of bits: below 8 it is
rem success, and 9009 is what cmd.exe says where there is no robocopy.)
setlocal DisableDelayedExpansion
if not defined REPACKENV_ROBOCOPY set "REPACKENV_ROBOCOPY=robocopy.exe"
if "%~3"=="" goto usage
set "SOURCE=%~1\%~2"
set "TARGET=%~3\%~2"
set "OPTIONS=%4 %5 %6 %7 %8 %9"
if "%~4"=="" set "OPTIONS=/R:5 /W:5"
rem Mirroring a folder that is no label's would empty the target.
if not exist "%SOURCE%\manifest.json" goto nolabel

set "PASS=packages"
"%REPACKENV_ROBOCOPY%" "%SOURCE%" "%TARGET%" /E /XF repodata.json* manifest.json* SHA256SUMS /XD papers %OPTIONS%
set "BITS=%ERRORLEVEL%"
if %BITS% LSS 0 goto failed
if %BITS% GEQ 8 goto failed

set "PASS=indexes and manifest"
"%REPACKENV_ROBOCOPY%" "%SOURCE%" "%TARGET%" /E %OPTIONS%
set "BITS=%ERRORLEVEL%"
if %BITS% LSS 0 goto failed
if %BITS% GEQ 8 goto failed

rem Each by its name: "LABEL.*" would take the files of a label "LABEL.test". The dot: a path that ends with a backslash would take
rem the quote behind it along.
set "PASS=files beside the folder"
set "LABEL=%~2"
set "LOCKS="
for /f "delims=" %%S in ('dir /b /ad "%SOURCE%"') do if exist "%SOURCE%\%%S\repodata.json" call :lock "%%S"
"%REPACKENV_ROBOCOPY%" "%~1\." "%~3\." "%~2.INSTALL.md" "%~2.verify.sh" "%~2.verify.ps1" "%~2.conda-lock.yml" %LOCKS% %OPTIONS%
set "BITS=%ERRORLEVEL%"
if %BITS% LSS 0 goto failed
if %BITS% GEQ 8 goto failed

set "PASS=deleting what is gone"
"%REPACKENV_ROBOCOPY%" "%SOURCE%" "%TARGET%" /MIR %OPTIONS%
set "BITS=%ERRORLEVEL%"
if %BITS% LSS 0 goto failed
if %BITS% GEQ 8 goto failed
endlocal & exit /b 0

:lock
set LOCKS=%LOCKS% "%LABEL%.%~1.explicit.txt"
exit /b 0

:failed
echo error: robocopy failed with %BITS% at: %PASS%. No later pass was begun. 1>&2
echo   what to do: See what robocopy says above, then type the same again. 1>&2
endlocal & exit /b 5

:nolabel
echo error: "%SOURCE%" is no label folder: it has no manifest.json. Nothing was copied or deleted. 1>&2
endlocal & exit /b 2

:usage
echo usage: robocopy-label.cmd ROOT LABEL TARGET [OPTIONS OF ROBOCOPY] 1>&2
endlocal & exit /b 2
