/** Programs of the bases that take the place of others: the same input gives the same files, and nothing is fetched. */

/** Writes down what it was asked for, and makes the file that it was told to write. */
const RECORDER = `#!/bin/sh
echo "$(basename "$0") $*" >> /var/log/stand-in.log
while [ $# -gt 0 ]; do
  if [ "$1" = -o ] || [ "$1" = -O ]; then echo stand-in > "$2"; fi
  shift
done
`;

const RECORDED =
  "a2enmod add-apt-repository apk apt apt-get apt-key bundle curl debconf-set-selections dnf easy_install gem git go gpg make microdnf npm pip pip3 wget yum";

/** As much of busybox's adduser as Dockerfiles use; Debian's static busybox is built without it. */
const ADDUSER = `#!/bin/sh
uid=1000; gid=; home=; shell=/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -u) uid=$2; shift ;;
    -G) gid=$(grep "^$2:" /etc/group | cut -d: -f3); shift ;;
    -h) home=$2; shift ;;
    -s) shell=$2; shift ;;
    -g) shift ;;
    -*) ;;
    *) name=$1; break ;;
  esac
  shift
done
while grep -q "^[^:]*:[^:]*:$uid:" /etc/passwd; do uid=$((uid + 1)); done
if [ -z "$gid" ]; then gid=$uid; echo "$name:x:$gid:" >> /etc/group; fi
echo "$name:x:$uid:$gid:\${name}:\${home:-/home/$name}:$shell" >> /etc/passwd
mkdir -p "\${home:-/home/$name}"
chown "$uid:$gid" "\${home:-/home/$name}"
`;

const ADDGROUP = `#!/bin/sh
gid=1000
while [ $# -gt 0 ]; do
  case "$1" in
    -g) gid=$2; shift ;;
    -*) ;;
    *) name=$1; group=$2; break ;;
  esac
  shift
done
if [ -n "$group" ]; then
  sed -i "s/^\\($group:.*[^:]\\)\\$/\\1,$name/; s/^\\($group:.*:\\)\\$/\\1$name/" /etc/group
else
  while grep -q "^[^:]*:[^:]*:$gid:" /etc/group; do gid=$((gid + 1)); done
  echo "$name:x:$gid:" >> /etc/group
fi
`;

export const STAND_INS: Readonly<Record<string, string>> = {
  adduser: ADDUSER,
  addgroup: ADDGROUP,
  ...Object.fromEntries(RECORDED.split(" ").map((name) => [name, RECORDER])),
};

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
guest:x:405:100:guest:/dev/null:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;

const GROUP = `root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
lp:x:7:
mail:x:8:
www-data:x:33:
users:x:100:
mygroup:x:2001:
nogroup:x:65534:
`;

/** Files that Dockerfiles look into. */
export const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": PASSWD,
  "etc/group": GROUP,
  "etc/os-release": "ID=stand-in\n",
  "etc/apk/arch": "x86_64\n",
};
