"""The system calls that an interpreter needs which computes, reads files and answers on a socket.

What is not here is refused: sockets, new processes and threads, other programs, mounts, namespaces,
tracing, keys, kernel modules, BPF, io_uring, shared memory by name, anonymous files, devices.
"""

from typing import Final

_TABLE: Final = """
    read 0 63          write 1 64          readv 19 65         writev 20 66
    pread64 17 67      pwrite64 18 68      preadv 295 69       pwritev 296 70
    close 3 57         close_range 436 436 open 2 -            openat 257 56
    stat 4 -           fstat 5 80          lstat 6 -           newfstatat 262 79
    statx 332 291      statfs 137 43       fstatfs 138 44      lseek 8 62
    access 21 -        faccessat 269 48    faccessat2 439 439  readlink 89 -
    readlinkat 267 78  getdents 78 -       getdents64 217 61   getcwd 79 17
    chdir 80 49        fchdir 81 50        mkdir 83 -          mkdirat 258 34
    rmdir 84 -         unlink 87 -         unlinkat 263 35     rename 82 -
    renameat 264 38    renameat2 316 276   link 86 -           linkat 265 37
    symlink 88 -       symlinkat 266 36    ftruncate 77 46     truncate 76 45
    fallocate 285 47   fsync 74 82         fdatasync 75 83     flock 73 32
    fcntl 72 25        dup 32 23           dup2 33 -           dup3 292 24
    pipe 22 -          pipe2 293 59        chmod 90 -          fchmod 91 52
    fchmodat 268 53    utimensat 280 88    umask 95 166        sendfile 40 71
    copy_file_range 326 285                fadvise64 221 223
    mmap 9 222         munmap 11 215       mprotect 10 226     mremap 25 216
    madvise 28 233     brk 12 214
    clock_gettime 228 113                  clock_getres 229 114
    clock_nanosleep 230 115                nanosleep 35 101    gettimeofday 96 169
    time 201 -         times 100 153       getrusage 98 165    setitimer 38 103
    getitimer 36 102   alarm 37 -
    rt_sigaction 13 134                    rt_sigprocmask 14 135
    rt_sigreturn 15 139                    rt_sigpending 127 136
    rt_sigtimedwait 128 137                rt_sigsuspend 130 133
    sigaltstack 131 132                    pause 34 -          kill 62 129
    tgkill 234 131     tkill 200 130       restart_syscall 219 128
    exit 60 93         exit_group 231 94   getpid 39 172       getppid 110 173
    gettid 186 178     getuid 102 174      geteuid 107 175     getgid 104 176
    getegid 108 177    getgroups 115 158   getresuid 118 148   getresgid 120 150
    getpgid 121 155    getpgrp 111 -       getsid 124 156      getrlimit 97 163
    setrlimit 160 164  prlimit64 302 261   uname 63 160        sysinfo 99 179
    sched_yield 24 124 sched_getaffinity 204 123               wait4 61 260
    waitid 247 95      set_robust_list 273 99                  get_robust_list 274 100
    set_tid_address 218 96                 rseq 334 293        futex 202 98
    membarrier 324 283 getrandom 318 278   getcpu 309 168
    recvfrom 45 207    recvmsg 47 212      sendto 44 206       sendmsg 46 211
    poll 7 -           ppoll 271 73        select 23 -         pselect6 270 72
    getsockname 51 204 getsockopt 55 209   shutdown 48 210
"""
"""Name, number on x86_64, number on aarch64.

References: Linux, ``unistd_64.h`` and ``asm-generic/unistd.h``.
"""
_COLUMNS: Final = {"x86_64": 1, "aarch64": 2}
IOCTL: Final = {"x86_64": 16, "aarch64": 29}
HARMLESS_IOCTLS: Final = {
    "TCGETS": 0x5401,
    "TIOCGWINSZ": 0x5413,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450,
    "FIOCLEX": 0x5451,
}


def allowed_numbers(machine: str) -> dict[str, int]:
    """Name → number of the allowed system calls on ``machine``, one of those in the table."""
    words = _TABLE.split()
    column = _COLUMNS[machine]
    rows = zip(words[::3], words[column::3], strict=True)
    return {name: int(number) for name, number in rows if number != "-"}
