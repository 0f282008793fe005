#!/bin/sh
# Says where databases are in the way of JDBC and of Spring, by the addresses in
# DATABASE_URL and the like. Variables go to file descriptor 3 (CNB Buildpack
# API, "exec.d"); what is set already stays.

# tell NAME VALUE: sets a variable that nobody has set.
tell() {
	if eval "[ -n \"\${$1+set}\" ]"; then
		return
	fi
	text=$2
	quoted=
	while [ -n "$text" ]; do
		c=${text%"${text#?}"}
		text=${text#?}
		case $c in
		'"' | '\') quoted="$quoted\\$c" ;;
		*) quoted="$quoted$c" ;;
		esac
	done
	printf '%s = "%s"\n' "$1" "$quoted" >&3
}

# decoded TEXT: without the escapes of an address (RFC 3986, section 2.1), in
# $plain.
decoded() {
	text=$1
	plain=
	while :; do
		case $text in
		*%[0-9a-fA-F][0-9a-fA-F]*)
			before=${text%%%[0-9a-fA-F][0-9a-fA-F]*}
			text=${text#"$before"%}
			rest=${text#??}
			# The x keeps a line end from being cut.
			byte=$(printf "\\$(printf %03o "0x${text%"$rest"}")x")
			plain=$plain$before${byte%x}
			text=$rest
			;;
		*)
			plain=$plain$text
			return
			;;
		esac
	done
}

# database ADDRESS: what it says, in $jdbc, $user and $password. It is false for
# what is no address of a database.
database() {
	case $1 in
	postgres://* | postgresql://*) kind=postgresql ;;
	mysql://* | mysql2://*) kind=mysql ;;
	mariadb://*) kind=mariadb ;;
	*) return 1 ;;
	esac
	place=${1#*://}
	user= password= escaped=
	# The last @ in front of the path ends the user.
	front=${place%%[/?]*}
	case $front in
	*@*)
		login=${front%@*}
		place=${place#"$login"@}
		decoded "${login%%:*}"
		user=$plain
		escaped="user=${login%%:*}"
		case $login in
		*:*)
			decoded "${login#*:}"
			password=$plain
			escaped="$escaped&password=${login#*:}"
			;;
		esac
		;;
	esac
	jdbc=jdbc:$kind://$place
	bare=$jdbc
	if [ -n "$escaped" ]; then
		case $jdbc in
		*\?*) jdbc="$jdbc&$escaped" ;;
		*) jdbc="$jdbc?$escaped" ;;
		esac
	fi
}

# JDBC_DATABASE_URL has the login in it, as on Heroku, and those of Spring have it
# beside the address.
if database "$DATABASE_URL"; then
	tell JDBC_DATABASE_URL "$jdbc"
	tell JDBC_DATABASE_USERNAME "$user"
	tell JDBC_DATABASE_PASSWORD "$password"
	if [ "$DISABLE_SPRING_DATASOURCE_URL" != true ] && [ -z "$SPRING_DATASOURCE_URL$SPRING_R2DBC_URL" ]; then
		tell SPRING_DATASOURCE_URL "$bare"
		tell SPRING_DATASOURCE_USERNAME "$user"
		tell SPRING_DATASOURCE_PASSWORD "$password"
	fi
fi

# Any other: OTHER_DATABASE_URL gives OTHER_JDBC_DATABASE_URL, and Heroku's
# HEROKU_POSTGRESQL_RED_URL gives HEROKU_POSTGRESQL_RED_JDBC_URL.
for name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*_DATABASE_URL\)=.*/\1/p; s/^\(HEROKU_POSTGRESQL_[A-Za-z0-9_]*_URL\)=.*/\1/p' | sort -u); do
	case $name in
	*JDBC_*) continue ;;
	*_DATABASE_URL) to=${name%DATABASE_URL}JDBC_DATABASE ;;
	*) to=${name%URL}JDBC ;;
	esac
	eval "address=\$$name"
	if database "$address"; then
		tell "${to}_URL" "$jdbc"
		tell "${to}_USERNAME" "$user"
		tell "${to}_PASSWORD" "$password"
	fi
done

# Redis, for Spring Boot 3 and the versions before it.
if [ -n "$REDIS_URL" ] && [ "$DISABLE_SPRING_REDIS_URL" != true ]; then
	tell SPRING_DATA_REDIS_URL "$REDIS_URL"
	tell SPRING_REDIS_URL "$REDIS_URL"
fi
