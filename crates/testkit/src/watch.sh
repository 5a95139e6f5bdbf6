# Runs a server for as long as the process that started it holds the other end of standard input, however that process ends.
# $1: the server's folder, removed at the end; $2: the signal that ends it at once, since nothing in it is worth saving; the rest: its command.
folder=$1
signal=$2
shift 2
exec 3<&0
"$@" </dev/null >"$folder/log" 2>&1 3<&- &
server=$!
(read -r _ <&3; kill -"$signal" "$server" 2>/dev/null) &
watcher=$!
wait "$server"
echo $? >"$folder/ended"
# Whoever started us may still want to read the log.
wait "$watcher"
rm -rf "$folder"
