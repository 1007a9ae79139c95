using NodeAgent.Linux;
using static NodeAgent.Linux.Capabilities;

namespace NodeAgent.Runtime.Security;

/// <summary>
/// The profile <c>RuntimeDefault</c>: an allow list that decides as the default profile of containerd 2.2 does (its
/// <c>contrib/seccomp</c>): everything else fails with EPERM, calls newer than the list with ENOSYS.
/// What needs a kernel of 4.8 there is always in here, the floor being higher.
/// </summary>
public static class DefaultSeccompPolicy
{
    private const ulong NamespaceFlags = 0x7e020000;
    private const int AF_VSOCK = 40;

    private const string Always =
        """
        _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 clock_adjtime
        clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close
        close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait
        epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
        fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
        flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex
        futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents
        getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp
        getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname
        getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
        io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill
        landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount
        listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lsm_get_self_attr lsm_list_modules lsm_set_self_attr lstat lstat64
        madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap
        mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
        mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat
        openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64
        preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev
        pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr
        removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
        rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl
        semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
        set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority
        setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32
        setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall
        socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill
        time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
        timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname
        unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
        """;

    // Unused numbers of the other architecture do no harm: a name without a number there is skipped.
    private const string OnX86 = "arch_prctl modify_ldt";
    private const string OnArm = "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls";

    private static readonly (int Capability, string Calls)[] ByCapability =
    [
        (CAP_DAC_READ_SEARCH, "open_by_handle_at"),
        (CAP_SYS_ADMIN,
            "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open "
            + "quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"),
        (CAP_SYS_BOOT, "reboot"),
        (CAP_SYS_CHROOT, "chroot"),
        (CAP_SYS_MODULE, "delete_module init_module finit_module"),
        (CAP_SYS_PACCT, "acct"),
        (CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"),
        (CAP_SYS_RAWIO, "iopl ioperm"),
        (CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"),
        (CAP_SYS_TTY_CONFIG, "vhangup"),
        (CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        (CAP_SYSLOG, "syslog"),
        (CAP_BPF, "bpf"),
        (CAP_PERFMON, "perf_event_open"),
    ];

    // PER_LINUX, PER_LINUX32, either with UNAME26, and the query.
    private static readonly uint[] Personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

    /// <param name="bounding">The capabilities a container's processes can ever have, one bit each: they open the calls that they are meant for.</param>
    /// <param name="arm">For arm64 and its 32-bit interface; else x86.</param>
    public static SeccompPolicy For(ulong bounding, bool arm)
    {
        List<SeccompRule> rules = [];
        Allow(rules, Always);
        Allow(rules, arm ? OnArm : OnX86);
        foreach ((int capability, string calls) in ByCapability)
        {
            if ((bounding >> capability & 1) != 0) Allow(rules, calls);
        }
        foreach (uint personality in Personalities)
        {
            rules.Add(AllowIf("personality", new SeccompCondition(0, SeccompOperator.Equal, personality)));
        }
        // A vsock reaches the hypervisor past every network namespace.
        rules.Add(AllowIf("socket", new SeccompCondition(0, SeccompOperator.NotEqual, AF_VSOCK)));
        if ((bounding >> CAP_SYS_ADMIN & 1) == 0)
        {
            rules.Add(AllowIf("clone", new SeccompCondition(0, SeccompOperator.MaskedEqual, 0, NamespaceFlags)));
            // Its flags are behind a pointer, out of a filter's sight; libc takes ENOSYS as the word to use clone.
            rules.Add(new SeccompRule("clone3", Seccomp.Errno(Errno.ENOSYS), []));
        }
        return new SeccompPolicy(Seccomp.Errno(Errno.EPERM), rules);
    }

    private static void Allow(List<SeccompRule> rules, string calls)
    {
        foreach (string name in calls.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            rules.Add(new SeccompRule(name, Seccomp.SECCOMP_RET_ALLOW, []));
        }
    }

    private static SeccompRule AllowIf(string name, SeccompCondition condition) => new(name, Seccomp.SECCOMP_RET_ALLOW, [condition]);
}
