"""Ways in which common programs run other programs, or read and write what they should not.

Our own list, written from what the programs' manuals say of their options: each is a command
that must never run unasked. `NAMES` times `FORMS` stands for what is not known to be harmless.
"""

from __future__ import annotations

from collections.abc import Iterator

# Options of the programs that the gate does know.
KNOWN = r"""
find . -exec sh {} ;
find . -execdir sh {} +
find . -ok sh {} ;
find . -okdir sh {} ;
find . -delete
find . -name x -delete
find . -fprint out
find . -fprint0 out
find . -fprintf out %p
find . -fls out
find -files0-from names
find / -name x
find ~root -name x
find -L . -name x
find . -newer /etc/shadow
rg --pre=sh x
rg --pre sh x
rg --hostname-bin=sh x
rg -z x
rg --search-zip x
rg -uuu x
rg --hidden x
rg --no-ignore x
rg -L x
rg -f /etc/shadow x
rg -nL x
rg --follow x
rg x /etc
rg x ..
rg -e x /etc
rg --files /etc
rg --config x
grep -f /etc/shadow x
grep --file=/etc/shadow x
grep --fil=/etc/shadow x
grep -e x /etc/shadow
grep -rex /etc
grep -R x .
grep x .env
grep -r x ../..
cat /etc/shadow
cat ../secret
cat sub/../../secret
cat .env
cat .env.local
cat id_rsa
cat .git/config
cat .codex/auth.json
cat link
cat linked/x
cat -- /etc/shadow
cat -n/etc/shadow
cat --show-all=/etc/shadow
cat --squeeze /etc/shadow
head -c 10 /dev/mem
head --bytes 10 /dev/mem
head --lines=1 /etc/shadow
tail -f x
tail -F x
tail --follow=name x
tail --pid=1 x
wc --files0-from=names
wc --files0-from names
uniq in out
uniq -c in out
uniq -- in out
base64 --output=x y
base64 -o x y
base64 -i /etc/shadow
base64 /etc/shadow
sort -o x y
sort --compress-program=sh x
sed -n 1p /etc/shadow
sed -n 1,2w out x
sed -n 1e x
sed -n '1p;e' x
cd sub && cat inner
sed -n 1p;e x
sed -n $p x
sed -n /x/p x
sed -i 1d x
sed 1d x
sed -n 1p -i x
sed -n 1p x -i
sed -n -e 1p x
sed -n --in-place 1p
nl /etc/shadow
paste /etc/passwd x
rev /etc/shadow
tac /etc/shadow
stat /etc/shadow
ls /root
ls ~
cut -f1 /etc/shadow
cut -d : -f 1 /etc/shadow
git -C /tmp status
git -c core.pager=sh log
git -c core.fsmonitor=sh status
git -p log
git --git-dir=x status
git --git-dir x status
git --work-tree=/ status
git --exec-path=. status
git --paginate log
git log --output=x
git log --outpu=x
git diff --ext-diff
git diff --ext
git log --textconv
git show --textconv HEAD:x
git show HEAD:.env
git diff --no-index /dev/null /etc/shadow
git diff /dev/null /etc/shadow
git log -p --ext-diff
git log --exec=sh
git branch -D main
git branch -d main
git branch -m a b
git branch new
git branch --edit-description
git branch --set-upstream-to=x
git commit -m x
git push
git fetch
git checkout .
git stash
git config core.pager sh
git grep -O sh
git bisect run sh
git rebase --exec sh
git submodule foreach sh
git archive --remote=x
git difftool
git help config
git unknown
git
cd
cd -
cd ..
cd /
cd ~
cd sub && cat ../../secret
cd .. && cat secret
cd linked && cat x
cat x > out
cat x >> out
cat < /etc/shadow
cat x | tee out
cat x | sh
cat x | xargs rm
cat x ; sh
cat x && sh
cat x || sh
cat x & sh
cat $(sh)
cat `sh`
cat "$(sh)"
cat "`sh`"
cat <(sh)
cat ${IFS}x
cat $HOME/.ssh/id_rsa
cat "$HOME/.ssh/id_rsa"
cat ~/.ssh/id_rsa
cat *
cat [a-z]
cat ?
cat {x,/etc/shadow}
echo x > out
echo `sh`
echo $(sh)
echo x#y
(cat x)
{ cat x; }
! cat x
if true; then cat x; fi
for x in y; do cat x; done
while true; do cat x; done
case x in x) cat x;; esac
function cat { sh; }
cat() { sh; }
alias cat=sh
PATH=. cat x
LD_PRELOAD=./x.so cat x
GIT_PAGER=sh git log
IFS=x cat x
export PATH=.
eval cat x
exec cat x
source x
. x
command cat x
builtin cat x
time cat x
coproc cat x
env cat x
sudo cat x
nohup cat x
./cat x
sub/cat x
../cat x
/tmp/cat x
/usr/bin/../../tmp/cat x
/bin/./cat x
=cat x
cat\
""".strip("\n").split("\n")  # fmt: skip

# Scripts that hold what a line of a list cannot.
ODD = (
    "cat x\nsh",
    "cat x\r\nsh",
    "cat x\rsh",
    "cat\x00x",
    "cat\u00a0x\u2028sh",
    "cat x\x0bsh",
    "cat 'x",
    'cat "x',
    "cat x\\",
    "cat x |",
    "| cat x",
    "cat x && && cat x",
    "&& cat x",
    "",
    " ",
    ";",
    "cat x ;; cat x",
    "cat x |& sh",
    "cat \x1b[2K x",
    "c\\\nat x",
    "cat 'x\ny'",
    "cat x &",
    "cat x # \n sh",
    "cat \ufeffx",
    "cat x\x7f",
)

_NAMES = """
7z R aa-exec ab agetty alpine ansible-playbook apt apt-get ar aria2c arj arp as ash aspell at
awk basenc bash batcat bconsole bpftrace bridge bundle busctl busybox byebug bzip2 c89 c99 cabal
capsh cargo cc cdist certbot check_by_ssh chattr chmod choom chown chroot clamscan cmp cobc
column comm composer cowsay cp cpan cpio cpulimit crash crontab csh csplit csvtool cupsfilter
curl dash date dc dd debugfs dialog diff dig distcc dmesg dmidecode dnf docker dos2unix dosbox
dotnet dpkg dstat dvips easy_install eb ed efax elvish emacs env eqn espeak ex exiftool expand
expect file fish flock fmt fold fping ftp gawk gcc gcloud gdb gem genisoimage ghc gimp ginsh go
grc groff gtester gzip hd hexdump highlight hping3 iconv iftop install ionice ip irb ispell java
jjs joe join journalctl jq jrunscript jshell jtag julia knife ksh ksshell ktutil kubectl latex
ldconfig ld.so less lftp ln logger logrotate logsave look lp ltrace lua lualatex lwp-download
lwp-request mail make man mawk minicom more mosquitto msgattrib msgcat msgconv mtr multitime mv
mycli mysql nano nasm nawk nc ncdu ncftp neofetch nft nginx nice nl.old nm nmap node nohup npm
nroff nsenter ntpdate octave od openssl openvpn opkg pandoc pax pdb pdflatex perf perl pexec pg
php pic pico pidstat pip pkexec pkg posh pr pry psftp psql ptx puppet pwsh python rake readelf
red redcarpet redis restic rlogin rlwrap rpm rpmdb rpmquery rsync rtorrent ruby run-mailcap run-
parts runscript rview rvim sash scanmem scp screen script scrot service setarch setfacl setlock
sftp sg shuf slsh smbclient snap socat socket soelim softlimit sort split sqlite3 sqlmap ss ssh
ssh-agent ssh-keygen ssh-keyscan sshpass start-stop-daemon stdbuf strace strings su sysctl
systemctl systemd-resolve tar task taskset tbl tclsh tcpdump tdbtool tee telnet terraform tex
tftp tic time timedatectl timeout tmate tmux top torify torsocks troff tshark ul unexpand
unshare unsquashfs unzip update-alternatives uudecode uuencode vagrant valgrind vi view vigr vim
vimdiff vipw virsh volatility w3m wall watch wget whiptail whois wireshark wish xargs xdg-user-
dir xdotool xetex xmodmap xmore xpad xxd xz yarn yash yelp yum zathura zip zsh zsoelim zypper
"""
NAMES = _NAMES.split()
FORMS = ("{} x", "{} -c sh", "{} -e 'system(\"sh\")'", "cat x | {}", "/usr/bin/{} --exec=sh")


def abuses() -> Iterator[str]:
    """All of them, as scripts."""
    yield from KNOWN
    yield from ODD
    for name in NAMES:
        for form in FORMS:
            yield form.format(name)
