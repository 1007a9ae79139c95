namespace NodeAgent.Linux;

/// <summary>Operations of prctl(2), and of keyctl(2) on the session keyring.</summary>
public static class Prctl
{
    public const int PR_SET_DUMPABLE = 4;
    public const int PR_SET_KEEPCAPS = 8;
    public const int PR_SET_NAME = 15;
    public const int PR_CAPBSET_DROP = 24;
    public const int PR_SET_NO_NEW_PRIVS = 38;

    public const int KEYCTL_JOIN_SESSION_KEYRING = 1;
}
