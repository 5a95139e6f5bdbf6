# Runs a server for as long as the process that started it holds the other end of standard input, however that process ends.
# $1: the server's folder, removed at the end; the rest: the server's command.
folder=$1
shift
exec 3<&0
"$@" </dev/null >"$folder/log" 2>&1 3<&- &
server=$!
# Nothing in here is worth saving.
(read -r _ <&3; kill -KILL "$server" 2>/dev/null) &
watcher=$!
wait "$server"
echo $? >"$folder/ended"
# Whoever started us may still want to read the log.
wait "$watcher"
rm -rf "$folder"
