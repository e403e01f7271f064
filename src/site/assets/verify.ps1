<#
Is the channel folder "@LABEL@" whole, and as its manifest.json says?

    powershell -NoProfile -ExecutionPolicy Bypass -File @LABEL@.verify.ps1 [DIR]

DIR is the channel folder; without it, the folder "@LABEL@" beside this script. Only reads. Needs PowerShell 5 or newer.
Every file is read to its end.

One line for each thing that is wrong:
    missing: PATH            the manifest lists it, it is not there
    changed: PATH            it is there with other bytes than the manifest says
    extra: PATH              it lies among the channel's files, the manifest does not list it
    unreadable: PATH         it is there and can't be read
    half-synchronised: ...   parts of two generations, or an index that names a file which is not there
    note: PATH ...           somebody put it beside the channel's files: does no harm

Exit code:
    0  fine: every file is there, with the bytes of the manifest, and nothing else
    1  differs: files are missing, extra or changed; every index is of this generation and names only files that are there
    2  not a channel with a manifest, or it can't be checked
    3  half-synchronised: the copy is not finished, synchronise again

Whether the vendor made the manifest, its signature tells: see @LABEL@.INSTALL.md.
#>
param([string]$Dir = '')

$ErrorActionPreference = 'Stop'
$label = '@LABEL@'

# A script that breaks down ends with 1, which here says "differs".
trap {
  Write-Output ($label + ': can not be checked: ' + $_)
  Write-Output 'what to do: Run it in a PowerShell 5 or newer that is not in constrained language mode, or check on another machine.'
  exit 2
}

function Stop-Check([string]$Problem, [string]$Advice) {
  Write-Output ($label + ': can not be checked: ' + $Problem)
  Write-Output ('what to do: ' + $Advice)
  exit 2
}

# Ordinal, as sort does with LC_ALL=C.
function Write-Sorted($Lines) {
  $sorted = New-Object 'System.Collections.Generic.List[string]'
  foreach ($line in $Lines) { $sorted.Add([string]$line) }
  $sorted.Sort([System.StringComparer]::Ordinal)
  foreach ($line in $sorted) { Write-Output $line }
}

function Get-Sha256([string]$Path) {
  return (Get-FileHash -Algorithm SHA256 -LiteralPath $Path).Hash.ToLowerInvariant()
}

if ($args.Count -gt 0) { Stop-Check 'more than one folder was given' ($label + '.verify.ps1 [DIR]') }
# cmd makes a quote of the backslash at the end of "D:\my repos\@LABEL@\".
$Dir = $Dir.TrimEnd('"')
if ($Dir -eq '') { $Dir = Join-Path $PSScriptRoot $label }
if (-not (Test-Path -LiteralPath $Dir -PathType Container)) {
  Stop-Check ('there is no folder ' + $Dir) 'Give the folder of the channel: the one that holds manifest.json.'
}
$root = (Get-Item -LiteralPath $Dir -Force).FullName.TrimEnd('\', '/')
$manifestPath = Join-Path $root 'manifest.json'
$sumsPath = Join-Path $root 'SHA256SUMS'
$hasManifest = Test-Path -LiteralPath $manifestPath -PathType Leaf
$hasSums = Test-Path -LiteralPath $sumsPath -PathType Leaf
if ((-not $hasManifest) -and (-not $hasSums)) {
  Stop-Check ($Dir + ' has neither manifest.json nor SHA256SUMS') 'Give the folder of the channel. If it is being synchronised for the first time, run the second pass: it brings them.'
}

$half = New-Object 'System.Collections.Generic.List[string]'
$wrong = New-Object 'System.Collections.Generic.List[string]'
$missing = 0
$extra = 0
$changed = 0
$unreadable = 0

# What the manifest lists. Hashtables do not tell upper from lower case, and neither does the disk.
$listed = @{}
$subdirs = @{}
$generation = ''
$sound = $false
if ($hasManifest) {
  $lines = @()
  try { $lines = [System.IO.File]::ReadAllLines($manifestPath) }
  catch { Stop-Check 'manifest.json can not be read' 'Run this as an account that may read the folder.' }
  $schema = ''
  $whole = $false
  $inside = $false
  $odd = $false
  $path = ''
  foreach ($line in $lines) {
    if ($line -ceq '}') { $whole = $true }
    elseif ($line -cmatch '^  "generation": ([0-9]+),$') { $generation = $Matches[1] }
    elseif ($line -cmatch '^  "schema": ([0-9]+),$') { $schema = $Matches[1] }
    elseif ($line -ceq '  "subdirs": [') { $inside = $true }
    elseif ($line.StartsWith('  ]')) { $inside = $false }
    elseif ($inside -and ($line -cmatch '^    "([a-z0-9-]+)",?$')) { $subdirs[$Matches[1]] = $true }
    elseif ($line -cmatch '^      "path": "(.*)",?$') {
      $path = $Matches[1].Replace('\"', '"')
      if ($path.Contains('\') -or $path.StartsWith('/') -or ($path -match '(^|/)\.\.(/|$)')) { $odd = $true }
    }
    elseif ($line -cmatch '^      "sha256": "([0-9a-f]+)",?$') { $listed[$path] = $Matches[1] }
  }
  if (($schema -eq '') -or ($generation -eq '')) {
    if ($whole) { Stop-Check 'manifest.json was not made by repackenv' 'Give the folder of the channel as the vendor sent it.' }
    $half.Add('manifest.json is empty or cut off')
  }
  elseif ($schema -ne '1') { Stop-Check 'manifest.json is of a newer form than this script' 'Use the verify.ps1 that came with this generation.' }
  elseif (-not $whole) { $half.Add('manifest.json is empty or cut off') }
  elseif ($odd) { Stop-Check 'manifest.json lists a name that this script does not take' 'Ask the vendor: such a name is never made by repackenv.' }
  else { $sound = $true }
}
else { $half.Add('manifest.json is not there: the second pass of the synchronisation did not run, or broke off') }

# SHA256SUMS is written with the manifest: it must list the same, the manifest itself, and its signature where there is one.
if (-not $hasSums) { $half.Add('SHA256SUMS is not there') }
elseif ($sound) {
  $own = Get-Sha256 $manifestPath
  $seen = $false
  $bad = $false
  $signature = ''
  $counted = 0
  foreach ($line in [System.IO.File]::ReadAllLines($sumsPath)) {
    if ($line -eq '') { continue }
    if ($line.Length -lt 67) { $bad = $true; continue }
    $digest = $line.Substring(0, 64)
    $path = $line.Substring(66)
    if ($path -ceq 'manifest.json') {
      $seen = $true
      if ($digest -cne $own) { $bad = $true }
    }
    elseif ($path -ceq 'manifest.json.sig') { $signature = $digest }
    elseif ($listed.ContainsKey($path) -and ($listed[$path] -ceq $digest)) { $counted = $counted + 1 }
    else { $bad = $true }
  }
  if ($bad -or (-not $seen) -or ($counted -ne $listed.Count)) { $half.Add('SHA256SUMS is of another generation than manifest.json') }
  # The signature is of no generation by itself: SHA256SUMS has its digest.
  if ($signature -ne '') { $listed['manifest.json.sig'] = $signature }
}

# What is there. Links and junctions are not followed.
$there = @{}
$links = @{}
$folders = New-Object 'System.Collections.Generic.Stack[string]'
# With a separator: a drive alone (E:) is the folder one is in there.
$folders.Push($root + [System.IO.Path]::DirectorySeparatorChar)
while ($folders.Count -gt 0) {
  $folder = $folders.Pop()
  $items = @()
  try { $items = @(Get-ChildItem -LiteralPath $folder -Force) }
  catch {
    $unreadable = $unreadable + 1
    $wrong.Add('unreadable: ' + $folder)
  }
  foreach ($item in $items) {
    $name = $item.FullName.Substring($root.Length + 1).Replace('\', '/')
    $isLink = (($item.Attributes -band [System.IO.FileAttributes]::ReparsePoint) -ne 0) -and ($null -ne $item.LinkType)
    if ($item.PSIsContainer -and (-not $isLink)) { $folders.Push($item.FullName) }
    else {
      $there[$name] = $item.FullName
      if ($isLink) { $links[$name] = $true }
      if ($name -match '^([^/]+)/repodata\.json$') { $subdirs[$Matches[1]] = $true }
    }
  }
}

if ($sound) {
  foreach ($path in @($listed.Keys)) {
    $isIndex = $path -cmatch '/repodata\.json'
    $isSignature = $path -ceq 'manifest.json.sig'
    if (-not $there.ContainsKey($path)) {
      $missing = $missing + 1
      if ($isIndex -or $isSignature) { $half.Add($path + ' is not there') }
      else { $wrong.Add('missing: ' + $path) }
    }
    elseif ($links.ContainsKey($path)) {
      $changed = $changed + 1
      if ($isIndex -or $isSignature) { $half.Add($path + ' (it is a link) is of another generation than manifest.json') }
      else { $wrong.Add('changed: ' + $path + ' (it is a link)') }
    }
    else {
      $digest = ''
      try { $digest = Get-Sha256 $there[$path] }
      catch { $digest = '' }
      if ($digest -eq '') {
        $unreadable = $unreadable + 1
        $wrong.Add('unreadable: ' + $path)
      }
      elseif ($digest -cne $listed[$path]) {
        $changed = $changed + 1
        if ($isIndex -or $isSignature) { $half.Add($path + ' is of another generation than manifest.json') }
        else { $wrong.Add('changed: ' + $path) }
      }
    }
  }
  foreach ($path in @($there.Keys)) {
    if ($listed.ContainsKey($path)) { continue }
    if (($path -eq 'manifest.json') -or ($path -eq 'SHA256SUMS') -or ($path -eq 'manifest.json.sig')) { continue }
    $cut = $path.IndexOf('/')
    if (($cut -gt 0) -and $subdirs.ContainsKey($path.Substring(0, $cut))) {
      $extra = $extra + 1
      $wrong.Add('extra: ' + $path)
    }
    else { $wrong.Add('note: ' + $path + ' is none of the vendor' + [char]39 + 's files') }
  }
}

# Which files each index names: its keys that end like an artifact.
foreach ($path in @($there.Keys)) {
  if ($path -notmatch '^([^/]+)/repodata\.json$') { continue }
  $subdir = $Matches[1]
  $text = ''
  try { $text = [System.IO.File]::ReadAllText($there[$path]) }
  catch { continue }
  $count = 0
  $first = ''
  foreach ($match in [regex]::Matches($text, '"([^"]*-[^"]*-[^"]*\.(?:conda|tar\.bz2))"\s*:\s*\{')) {
    $name = $match.Groups[1].Value
    if ($there.ContainsKey($subdir + '/' + $name)) { continue }
    $count = $count + 1
    if ($count -eq 1) { $first = $name }
  }
  if ($count -eq 1) { $half.Add($path + ' names ' + $first + ', which is not there') }
  if ($count -gt 1) { $half.Add($path + ' names ' + $count + ' files that are not there, the first is ' + $first) }
}

Write-Sorted $wrong
$told = New-Object 'System.Collections.Generic.List[string]'
foreach ($line in $half) { $told.Add('half-synchronised: ' + $line) }
Write-Sorted $told

$what = '' + $missing + ' missing, ' + $extra + ' extra, ' + $changed + ' changed'
if ($unreadable -gt 0) {
  Stop-Check ('' + $unreadable + ' not readable, ' + $what) 'Run this as an account that may read every file, or look at the disk.'
}
if ($half.Count -gt 0) {
  Write-Output ($label + ': half-synchronised: ' + $what)
  Write-Output 'what to do: Synchronise again, both passes, and then run this again. Until then clients may fail to install.'
  exit 3
}
if (($missing -gt 0) -or ($extra -gt 0) -or ($changed -gt 0)) {
  Write-Output ($label + ': differs from generation ' + $generation + ': ' + $what)
  Write-Output 'what to do: Synchronise again, deleting what is extra, and then run this again. If it stays so, send these lines to the vendor.'
  exit 1
}
Write-Output ($label + ': fine: generation ' + $generation + ', ' + $listed.Count + ' files as manifest.json has them')
exit 0
