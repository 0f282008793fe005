# JAVA_TOOL_OPTIONS gives the Java machine a part of the memory that the
# processes may use, in the classes of Heroku's buildpacks: the heap is not all
# that Java needs. Where there is no limit Java decides by itself. What a person
# put into JAVA_TOOL_OPTIONS comes behind it and wins, and so does JAVA_OPTS,
# which a command line names.
options=
if [ -n "$memory_limited" ]; then
	if [ "$memory_mb" -le 512 ]; then
		options="-Xmx$((memory_mb * 300 / 512))m -Xss512k -XX:CICompilerCount=2"
	elif [ "$memory_mb" -le 1024 ]; then
		options="-Xmx$((memory_mb * 671 / 1024))m -XX:CICompilerCount=2"
	else
		options="-XX:MaxRAMPercentage=80"
	fi
fi

# What Paketo calls so: a debugger, and Java's management extensions, on a port.
case $BPL_DEBUG_ENABLED in
true)
	suspend=n
	[ "$BPL_DEBUG_SUSPEND" = true ] && suspend=y
	options="$options -agentlib:jdwp=transport=dt_socket,server=y,address=*:${BPL_DEBUG_PORT:-8000},suspend=$suspend"
	;;
esac
case $BPL_JMX_ENABLED in
true)
	jmx=${BPL_JMX_PORT:-5000}
	options="$options -Djava.rmi.server.hostname=127.0.0.1 -Dcom.sun.management.jmxremote.port=$jmx -Dcom.sun.management.jmxremote.rmi.port=$jmx -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false"
	;;
esac

if [ -n "$options" ]; then
	# Quotes and backslashes of a person stay what they are.
	rest=$JAVA_TOOL_OPTIONS
	own=
	while [ -n "$rest" ]; do
		c=${rest%"${rest#?}"}
		rest=${rest#?}
		case $c in
		'"' | '\') own="$own\\$c" ;;
		*) own="$own$c" ;;
		esac
	done
	options="$options${own:+ $own}"
	printf 'JAVA_TOOL_OPTIONS = "%s"\n' "${options# }" >&3
fi
