#!/bin/sh
# Is the channel folder "@LABEL@" whole, and as its manifest.json says?
#
#     sh @LABEL@.verify.sh [DIR]
#
# DIR is the channel folder; without it, the folder "@LABEL@" beside this script. Only reads. Needs a POSIX shell with
# awk, find, grep, sed, sort and tr, and sha256sum (or shasum, which macOS has). Every file is read to its end.
#
# One line for each thing that is wrong:
#     missing: PATH            the manifest lists it, it is not there
#     changed: PATH            it is there with other bytes than the manifest says
#     extra: PATH              it lies among the channel's files, the manifest does not list it
#     unreadable: PATH         it is there and can't be read
#     half-synchronised: ...   parts of two generations, or an index that names a file which is not there
#     note: PATH ...           somebody put it beside the channel's files: does no harm
#
# Exit code:
#     0  fine: every file is there, with the bytes of the manifest, and nothing else
#     1  differs: files are missing, extra or changed; every index is of this generation and names only files that are there
#     2  not a channel with a manifest, or it can't be checked (no sha256sum, files that can't be read)
#     3  half-synchronised: the copy is not finished, synchronise again
#
# Whether the vendor made the manifest, its signature tells: see @LABEL@.INSTALL.md.

LC_ALL=C
export LC_ALL
unset CDPATH
label='@LABEL@'

cannot() {
  printf '%s: can not be checked: %s\n' "$label" "$1"
  printf 'what to do: %s\n' "$2"
  exit 2
}

case $1 in
-h | --help)
  sed -n '2,/^$/ s/^# \{0,1\}//p' "$0"
  exit 0
  ;;
esac
[ $# -le 1 ] || cannot 'more than one folder was given' "sh $label.verify.sh [DIR]"
if [ $# -eq 1 ] && [ -n "$1" ]; then dir=$1; else dir=$(dirname "$0")/$label; fi
case $dir in
-*) dir=./$dir ;;
esac
[ -d "$dir" ] || cannot "there is no folder $dir" 'Give the folder of the channel: the one that holds manifest.json.'
cd "$dir" || cannot "the folder $dir can not be entered" 'Run this as an account that may read it.'

if command -v sha256sum >/dev/null 2>&1; then
  sums() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then
  sums() { shasum -a 256 "$@"; }
else
  cannot 'there is neither sha256sum nor shasum' 'Install coreutils (or busybox, or perl), or check on another machine.'
fi

if [ ! -f manifest.json ] && [ ! -f SHA256SUMS ]; then
  cannot "$dir has neither manifest.json nor SHA256SUMS" \
    'Give the folder of the channel. If it is being synchronised for the first time, run the second pass: it brings them.'
fi

# A relative one would lie in the channel by now.
case $TMPDIR in
/*) work=$TMPDIR ;;
*) work=/tmp ;;
esac
work=$work/verify-$label-$$
(umask 077 && mkdir "$work") || cannot "no temporary folder can be made at $work" 'Set TMPDIR to a folder that can be written.'
trap 'rm -rf "$work"' 0
trap 'exit 130' 1 2 15
: >"$work/wrong"
: >"$work/half"

# What the manifest lists: "<sha256>  <path>" a line, sorted by path; its subdirs; its generation.
: >"$work/listed"
: >"$work/subdirs"
: >"$work/facts"
if [ -f manifest.json ]; then
  [ -r manifest.json ] || cannot 'manifest.json can not be read' 'Run this as an account that may read the folder.'
  awk -v listed="$work/listed" -v subdirs="$work/subdirs" '
    { sub(/\r$/, "") }
    $0 == "}" { whole = 1 }
    /^  "generation": [0-9]+,$/ { generation = $2; sub(/,/, "", generation) }
    /^  "schema": [0-9]+,$/ { schema = $2; sub(/,/, "", schema) }
    /^  "subdirs": \[$/ { inside = 1; next }
    /^  \]/ { inside = 0 }
    inside && /^    "[a-z0-9-]+",?$/ { name = $0; gsub(/[ ",]/, "", name); print name >subdirs }
    /^      "path": "/ {
      path = $0
      sub(/^      "path": "/, "", path)
      sub(/",?$/, "", path)
      gsub(/\\"/, "\"", path)
      if (path ~ /\\/ || path ~ /^\// || path ~ /(^|\/)\.\.(\/|$)/) odd = path
    }
    /^      "sha256": "[0-9a-f]+",?$/ {
      digest = $2
      gsub(/[",]/, "", digest)
      print digest "  " path >listed
    }
    END {
      if (schema == "" || generation == "") state = whole ? "other" : "cut"
      else if (schema != "1") state = "newer"
      else if (!whole) state = "cut"
      else if (odd != "") state = "odd"
      else state = "sound"
      print state, generation
    }
  ' manifest.json >"$work/facts"
fi
state='' generation=''
[ ! -s "$work/facts" ] || read -r state generation <"$work/facts"
case $state in
'') printf 'manifest.json is not there: the second pass of the synchronisation did not run, or broke off\n' >>"$work/half" ;;
cut) printf 'manifest.json is empty or cut off\n' >>"$work/half" ;;
other) cannot 'manifest.json was not made by repackenv' 'Give the folder of the channel as the vendor sent it.' ;;
newer) cannot 'manifest.json is of a newer form than this script' 'Use the verify.sh that came with this generation.' ;;
odd) cannot 'manifest.json lists a name that this script does not take' 'Ask the vendor: such a name is never made by repackenv.' ;;
esac

# SHA256SUMS is written with the manifest: it must list the same, the manifest itself, and its signature where there is one.
if [ ! -f SHA256SUMS ]; then
  printf 'SHA256SUMS is not there\n' >>"$work/half"
elif [ "$state" = sound ]; then
  own=$(sums <manifest.json | sed 's/ .*//')
  awk -v own="$own" '
    NR == FNR { listed[$0] = 1; next }
    {
      sub(/\r$/, "")
      if ($0 == "") next
      digest = substr($0, 1, 64)
      path = substr($0, 67)
      if (path == "manifest.json") { seen = 1; if (digest != own) bad = 1; next }
      if (path == "manifest.json.sig") next
      if (digest "  " path in listed) { delete listed[digest "  " path]; next }
      bad = 1
    }
    END { for (each in listed) bad = 1; if (bad || !seen) print "SHA256SUMS is of another generation than manifest.json" }
  ' "$work/listed" SHA256SUMS >>"$work/half"
  # The signature is of no generation by itself: SHA256SUMS has its digest.
  awk '{ sub(/\r$/, "") } substr($0, 67) == "manifest.json.sig" { print substr($0, 1, 64) "  manifest.json.sig" }' SHA256SUMS >>"$work/listed"
fi

# What is there.
find . ! -type d -print 2>"$work/errors" | sed 's/^\.\///' | sort >"$work/there"
find . ! -type d ! -type f -print 2>/dev/null | sed 's/^\.\///' >"$work/links"
sed 's/^/unreadable: /' "$work/errors" >>"$work/wrong"

if [ "$state" = sound ]; then
  awk -v have="$work/have" -v links="$work/links" -v subdirs="$work/subdirs" '
    BEGIN {
      while ((getline line <links) > 0) link[line] = 1
      while ((getline line <subdirs) > 0) subdir[line] = 1
      printf "" >have
    }
    NR == FNR { want[substr($0, 67)] = substr($0, 1, 64); next }
    { there[$0] = 1; if ($0 ~ /^[^\/]+\/repodata\.json$/) subdir[substr($0, 1, index($0, "/") - 1)] = 1 }
    END {
      for (path in want) {
        if (!(path in there)) print "missing: " path
        else if (path in link) print "changed: " path " (it is a link)"
        else print want[path] "  " path >have
      }
      for (path in there) {
        if (path in want || path == "manifest.json" || path == "SHA256SUMS" || path == "manifest.json.sig") continue
        cut = index(path, "/")
        if (cut > 0 && substr(path, 1, cut - 1) in subdir) print "extra: " path
        else print "note: " path " is none of the vendor'\''s files"
      }
    }
  ' "$work/listed" "$work/there" >>"$work/wrong"

  # One process for all files.
  if [ -s "$work/have" ]; then
    sums -c "$work/have" 2>/dev/null | grep -v ': OK$' |
      sed -e 's/^\(.*\): FAILED open or read$/unreadable: \1/' -e 's/^\(.*\): FAILED$/changed: \1/' >"$work/failed"
    # busybox says the same of both.
    while IFS= read -r line; do
      path=$(printf '%s\n' "$line" | sed 's/^changed: //')
      if [ "$path" = "$line" ] || [ -r "$path" ]; then printf '%s\n' "$line"; else printf 'unreadable: %s\n' "$path"; fi
    done <"$work/failed" >>"$work/wrong"
  fi
fi

# Which files each index names: its keys that end like an artifact.
sed -n 's/^\([^/]*\)\/repodata\.json$/\1/p' "$work/there" >"$work/indexed"
while IFS= read -r subdir; do
  [ -r "$subdir/repodata.json" ] || continue
  tr '{,' '\n\n' <"$subdir/repodata.json" |
    sed -n -e 's/^[[:space:]]*"\([^"]*-[^"]*-[^"]*\.conda\)"[[:space:]]*:[[:space:]]*$/\1/p' \
      -e 's/^[[:space:]]*"\([^"]*-[^"]*-[^"]*\.tar\.bz2\)"[[:space:]]*:[[:space:]]*$/\1/p' |
    awk -v subdir="$subdir" '
      NR == FNR { there[$0] = 1; next }
      !(subdir "/" $0 in there) { count++; if (count == 1) first = $0 }
      END {
        if (count == 1) print subdir "/repodata.json names " first ", which is not there"
        if (count > 1) print subdir "/repodata.json names " count " files that are not there, the first is " first
      }
    ' "$work/there" - >>"$work/half"
done <"$work/indexed"

# An index that differs is one of another generation; one that is not there comes with the second pass.
sed -n \
  -e 's/^changed: \(.*\/repodata\.json.*\)$/\1 is of another generation than manifest.json/p' \
  -e 's/^missing: \(.*\/repodata\.json.*\)$/\1 is not there/p' \
  -e 's/^changed: \(manifest\.json\.sig\)$/\1 is of another generation than manifest.json/p' \
  -e 's/^missing: \(manifest\.json\.sig\)$/\1 is not there/p' "$work/wrong" >>"$work/half"
grep -v -e '^changed: .*/repodata\.json' -e '^missing: .*/repodata\.json' -e '^[cm][a-z]*: manifest\.json\.sig$' \
  "$work/wrong" | sort
sed 's/^/half-synchronised: /' "$work/half" | sort

count() { grep -c "$1" "$work/wrong"; }
what="$(count '^missing: ') missing, $(count '^extra: ') extra, $(count '^changed: ') changed"
if grep -q '^unreadable: ' "$work/wrong"; then
  cannot "$(count '^unreadable: ') not readable, $what" 'Run this as an account that may read every file, or look at the disk.'
fi
if [ -s "$work/half" ]; then
  printf '%s: half-synchronised: %s\n' "$label" "$what"
  printf 'what to do: %s\n' 'Synchronise again, both passes, and then run this again. Until then clients may fail to install.'
  exit 3
fi
if grep -q -e '^missing: ' -e '^extra: ' -e '^changed: ' "$work/wrong"; then
  printf '%s: differs from generation %s: %s\n' "$label" "$generation" "$what"
  printf 'what to do: %s\n' 'Synchronise again, deleting what is extra, and then run this again. If it stays so, send these lines to the vendor.'
  exit 1
fi
printf '%s: fine: generation %s, %s files as manifest.json has them\n' "$label" "$generation" "$(grep -c . "$work/listed")"
exit 0
