# Prints the messages of failed tests from the output of `go test -v`, which is given twice. Each message is cut to
# six lines. The logs of programs that a test started are left out: they would hide the line that says
# why the test failed.
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
