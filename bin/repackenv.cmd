@echo off
rem Starts repackenv with the node on PATH, or with the node.exe that REPACKENV_NODE names.
rem The arguments go on as they were typed. Put a MatchSpec that holds a less-than, greater-than or exclamation mark
rem in double quotes, or write it into a packages file. From another batch file, start it with CALL.
setlocal DisableDelayedExpansion
if not defined REPACKENV_NODE set "REPACKENV_NODE=node"
"%REPACKENV_NODE%" "%~dp0repackenv.js" %*
set "REPACKENV_EXIT=%ERRORLEVEL%"
if not "%REPACKENV_EXIT%"=="9009" goto done
echo error: node was not found. Install Node.js 20.19 or newer, or set REPACKENV_NODE to node.exe. 1>&2
set "REPACKENV_EXIT=2"
:done
endlocal & exit /b %REPACKENV_EXIT%
