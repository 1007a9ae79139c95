using NodeAgent.Linux;

namespace NodeAgent.Runtime.Security;

/// <summary>
/// System call numbers of the 32-bit interfaces that a 64-bit kernel serves beside its own (i386 and x32 on x86_64, EABI on arm64), for the calls that
/// seccomp profiles name. Calls from 424 on have one number everywhere. Sources: <c>asm/unistd_32.h</c>, <c>asm/unistd_x32.h</c>, arm's <c>asm/unistd-eabi.h</c>.
/// </summary>
internal static class CompatSyscalls
{
    private const int FirstCommonNumber = 424;

    // Calls whose x32 number is not x86_64's with the x32 bit: they take pointers inside structures.
    private const string X32Own =
        """
        rt_sigaction 512, rt_sigreturn 513, ioctl 514, readv 515, writev 516, recvfrom 517, sendmsg 518, recvmsg 519, execve 520,
        ptrace 521, rt_sigpending 522, rt_sigtimedwait 523, rt_sigqueueinfo 524, sigaltstack 525, timer_create 526, mq_notify 527,
        kexec_load 528, waitid 529, set_robust_list 530, get_robust_list 531, vmsplice 532, move_pages 533, preadv 534, pwritev 535,
        rt_tgsigqueueinfo 536, recvmmsg 537, sendmmsg 538, process_vm_readv 539, process_vm_writev 540, setsockopt 541, getsockopt 542,
        io_setup 543, io_submit 544, execveat 545, preadv2 546, pwritev2 547, epoll_ctl_old -, epoll_wait_old -, get_thread_area -,
        set_thread_area -,
        """;

    // Name, i386, arm.
    private const string Table =
        """
        _llseek 140 140, _newselect 142 142, accept - 285, accept4 364 366, access 33 33, acct 51 51, adjtimex 124 124, alarm 27 -,
        arch_prctl 384 -, arm_fadvise64_64 - 270, arm_sync_file_range - 341, bind 361 282, bpf 357 386, breakpoint - 983041, brk 45 45,
        cacheflush - 983042, capget 184 184, capset 185 185, chdir 12 12, chmod 15 15, chown 182 182, chown32 212 212, chroot 61 61,
        clock_adjtime 343 372, clock_adjtime64 405 405, clock_getres 266 264, clock_getres_time64 406 406, clock_gettime 265 263,
        clock_gettime64 403 403, clock_nanosleep 267 265, clock_nanosleep_time64 407 407, clock_settime 264 262, clock_settime64 404 404,
        clone 120 120, close 6 6, connect 362 283, copy_file_range 377 391, creat 8 8, delete_module 129 129, dup 41 41, dup2 63 63,
        dup3 330 358, epoll_create 254 250, epoll_create1 329 357, epoll_ctl 255 251, epoll_pwait 319 346, epoll_wait 256 252,
        eventfd 323 351, eventfd2 328 356, execve 11 11, execveat 358 387, exit 1 1, exit_group 252 248, faccessat 307 334,
        fadvise64 250 -, fadvise64_64 272 -, fallocate 324 352, fanotify_init 338 367, fanotify_mark 339 368, fchdir 133 133,
        fchmod 94 94, fchmodat 306 333, fchown 95 95, fchown32 207 207, fchownat 298 325, fcntl 55 55, fcntl64 221 221,
        fdatasync 148 148, fgetxattr 231 231, finit_module 350 379, flistxattr 234 234, flock 143 143, fork 2 2, fremovexattr 237 237,
        fsetxattr 228 228, fstat 108 108, fstat64 197 197, fstatat64 300 327, fstatfs 100 100, fstatfs64 269 267, fsync 118 118,
        ftruncate 93 93, ftruncate64 194 194, futex 240 240, futex_time64 422 422, futimesat 299 326, get_mempolicy 275 320,
        get_robust_list 312 339, get_thread_area 244 -, getcpu 318 345, getcwd 183 183, getdents 141 141, getdents64 220 217,
        getegid 50 50, getegid32 202 202, geteuid 49 49, geteuid32 201 201, getgid 47 47, getgid32 200 200, getgroups 80 80,
        getgroups32 205 205, getitimer 105 105, getpeername 368 287, getpgid 132 132, getpgrp 65 65, getpid 20 20, getppid 64 64,
        getpriority 96 96, getrandom 355 384, getresgid 171 171, getresgid32 211 211, getresuid 165 165, getresuid32 209 209,
        getrlimit 76 -, getrusage 77 77, getsid 147 147, getsockname 367 286, getsockopt 365 295, gettid 224 224, gettimeofday 78 78,
        getuid 24 24, getuid32 199 199, getxattr 229 229, init_module 128 128, inotify_add_watch 292 317, inotify_init 291 316,
        inotify_init1 332 360, inotify_rm_watch 293 318, io_cancel 249 247, io_destroy 246 244, io_getevents 247 245,
        io_pgetevents 385 399, io_pgetevents_time64 416 416, io_setup 245 243, io_submit 248 246, ioctl 54 54, ioperm 101 -, iopl 110 -,
        ioprio_get 290 315, ioprio_set 289 314, ipc 117 -, kcmp 349 378, kill 37 37, lchown 16 16, lchown32 198 198, lgetxattr 230 230,
        link 9 9, linkat 303 330, listen 363 284, listxattr 232 232, llistxattr 233 233, lookup_dcookie 253 249, lremovexattr 236 236,
        lseek 19 19, lsetxattr 227 227, lstat 107 107, lstat64 196 196, madvise 219 220, map_shadow_stack 453 -, mbind 274 319,
        membarrier 375 389, memfd_create 356 385, memfd_secret 447 -, mincore 218 219, mkdir 39 39, mkdirat 296 323, mknod 14 14,
        mknodat 297 324, mlock 150 150, mlock2 376 390, mlockall 152 152, mmap 90 -, mmap2 192 192, modify_ldt 123 -, mount 21 21,
        mprotect 125 125, mq_getsetattr 282 279, mq_notify 281 278, mq_open 277 274, mq_timedreceive 280 277,
        mq_timedreceive_time64 419 419, mq_timedsend 279 276, mq_timedsend_time64 418 418, mq_unlink 278 275, mremap 163 163,
        msgctl 402 304, msgget 399 303, msgrcv 401 302, msgsnd 400 301, msync 144 144, munlock 151 151, munlockall 153 153, munmap 91 91,
        name_to_handle_at 341 370, nanosleep 162 162, open 5 5, open_by_handle_at 342 371, openat 295 322, pause 29 29,
        perf_event_open 336 364, personality 136 136, pipe 42 42, pipe2 331 359, pkey_alloc 381 395, pkey_free 382 396,
        pkey_mprotect 380 394, poll 168 168, ppoll 309 336, ppoll_time64 414 414, prctl 172 172, pread64 180 180, preadv 333 361,
        preadv2 378 392, prlimit64 340 369, process_vm_readv 347 376, process_vm_writev 348 377, pselect6 308 335,
        pselect6_time64 413 413, ptrace 26 26, pwrite64 181 181, pwritev 334 362, pwritev2 379 393, quotactl 131 131, read 3 3,
        readahead 225 225, readlink 85 85, readlinkat 305 332, readv 145 145, reboot 88 88, recv - 291, recvfrom 371 292,
        recvmmsg 337 365, recvmmsg_time64 417 417, recvmsg 372 297, remap_file_pages 257 253, removexattr 235 235, rename 38 38,
        renameat 302 329, renameat2 353 382, restart_syscall 0 0, rmdir 40 40, rseq 386 398, rt_sigaction 174 174, rt_sigpending 176 176,
        rt_sigprocmask 175 175, rt_sigqueueinfo 178 178, rt_sigreturn 173 173, rt_sigsuspend 179 179, rt_sigtimedwait 177 177,
        rt_sigtimedwait_time64 421 421, rt_tgsigqueueinfo 335 363, sched_get_priority_max 159 159, sched_get_priority_min 160 160,
        sched_getaffinity 242 242, sched_getattr 352 381, sched_getparam 155 155, sched_getscheduler 157 157,
        sched_rr_get_interval 161 161, sched_rr_get_interval_time64 423 423, sched_setaffinity 241 241, sched_setattr 351 380,
        sched_setparam 154 154, sched_setscheduler 156 156, sched_yield 158 158, seccomp 354 383, select 82 -, semctl 394 300,
        semget 393 299, semop - 298, semtimedop - 312, semtimedop_time64 420 420, send - 289, sendfile 187 187, sendfile64 239 239,
        sendmmsg 345 374, sendmsg 370 296, sendto 369 290, set_mempolicy 276 321, set_robust_list 311 338, set_thread_area 243 -,
        set_tid_address 258 256, set_tls - 983045, setdomainname 121 121, setfsgid 139 139, setfsgid32 216 216, setfsuid 138 138,
        setfsuid32 215 215, setgid 46 46, setgid32 214 214, setgroups 81 81, setgroups32 206 206, sethostname 74 74, setitimer 104 104,
        setns 346 375, setpgid 57 57, setpriority 97 97, setregid 71 71, setregid32 204 204, setresgid 170 170, setresgid32 210 210,
        setresuid 164 164, setresuid32 208 208, setreuid 70 70, setreuid32 203 203, setrlimit 75 75, setsid 66 66, setsockopt 366 294,
        settimeofday 79 79, setuid 23 23, setuid32 213 213, setxattr 226 226, shmat 397 305, shmctl 396 308, shmdt 398 306,
        shmget 395 307, shutdown 373 293, sigaltstack 186 186, signalfd 321 349, signalfd4 327 355, sigprocmask 126 126,
        sigreturn 119 119, socket 359 281, socketcall 102 -, socketpair 360 288, splice 313 340, stat 106 106, stat64 195 195,
        statfs 99 99, statfs64 268 266, statx 383 397, stime 25 -, symlink 83 83, symlinkat 304 331, sync 36 36, sync_file_range 314 -,
        sync_file_range2 - 341, syncfs 344 373, sysinfo 116 116, syslog 103 103, tee 315 342, tgkill 270 268, time 13 -,
        timer_create 259 257, timer_delete 263 261, timer_getoverrun 262 260, timer_gettime 261 259, timer_gettime64 408 408,
        timer_settime 260 258, timer_settime64 409 409, timerfd_create 322 350, timerfd_gettime 326 354, timerfd_gettime64 410 410,
        timerfd_settime 325 353, timerfd_settime64 411 411, times 43 43, tkill 238 238, truncate 92 92, truncate64 193 193,
        ugetrlimit 191 191, umask 60 60, umount 22 -, umount2 52 52, uname 122 122, unlink 10 10, unlinkat 301 328, unshare 310 337,
        utime 30 -, utimensat 320 348, utimensat_time64 412 412, utimes 271 269, vfork 190 190, vhangup 111 111, vmsplice 316 343,
        wait4 114 114, waitid 284 280, waitpid 7 -, write 4 4, writev 146 146,
        """;

    private static readonly Dictionary<string, int> X32 = new(StringComparer.Ordinal);
    private static readonly Dictionary<string, (int I386, int Arm)> Rows = new(StringComparer.Ordinal);

    static CompatSyscalls()
    {
        foreach (string[] row in Parse(X32Own)) X32.Add(row[0], Number(row[1]));
        foreach (string[] row in Parse(Table)) Rows.Add(row[0], (Number(row[1]), Number(row[2])));
    }

    /// <summary>The number of a call in one interface, or -1 when that interface has no such call.</summary>
    public static int Find(string name, SyscallInterface kind)
    {
        Syscall? native = Syscalls.Find(name);
        switch (kind)
        {
            case SyscallInterface.X86_64:
                return native?.X86_64 ?? -1;
            case SyscallInterface.Arm64:
                return native?.Arm64 ?? -1;
            case SyscallInterface.X32:
                int number = X32.TryGetValue(name, out int own) ? own : native?.X86_64 ?? -1;
                return number < 0 ? -1 : number | (int)Seccomp.X32_SYSCALL_BIT;
        }
        if (Rows.TryGetValue(name, out (int I386, int Arm) row)) return kind == SyscallInterface.I386 ? row.I386 : row.Arm;
        return native is { X86_64: >= FirstCommonNumber } && (kind == SyscallInterface.I386 || native.Arm64 >= FirstCommonNumber) ? native.X86_64 : -1;
    }

    private static IEnumerable<string[]> Parse(string table) =>
        table.Split([',', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(row => row.Split(' '));

    private static int Number(string text) => text == "-" ? -1 : int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>A set of system call numbers. One kernel serves several, told apart by <c>seccomp_data.arch</c> and, for x32, a bit of the number.</summary>
public enum SyscallInterface
{
    X86_64,
    X32,
    I386,
    Arm64,
    Arm,
}
