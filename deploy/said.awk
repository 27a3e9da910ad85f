# Prints what failed tests said, out of the output of `go test -v` given twice: each message with at
# most five further lines of it, and nothing of what the programs a test started printed last, which
# else hides the one line that says why.
FNR == NR {
	if ($1 == "---" && $2 == "FAIL:") failed[$3] = 1
	next
}
$1 == "===" { test = $3; more = 0; next }
/^ *--- / { more = 0; next }
/^ +[A-Za-z0-9_]+\.go:[0-9]+: / {
	more = 0
	if (test in failed && $0 !~ /said last:$/) {
		if (test != told) print test
		told = test
		print substr($0, 1, 400)
		more = 5
	}
	next
}
/^ / && more > 0 { print substr($0, 1, 400); more-- }
