using System.Globalization;
using System.Text;

namespace NodeAgent.Core.Cri;

/// <summary>Who a container runs as.</summary>
/// <param name="Groups">Supplementary groups, ordered, without <paramref name="Gid"/> unless the group file lists the user there too.</param>
/// <param name="Name">Login name; null for a uid that the image's passwd file does not know.</param>
/// <param name="Home">Home directory from the passwd file; <c>/</c> for a user that it does not know.</param>
public sealed record ImageUser(uint Uid, uint Gid, IReadOnlyList<uint> Groups, string? Name, string Home);

/// <summary>Why a user cannot be found.</summary>
public enum UserLookupFailure
{
    /// <summary>The text is neither empty nor <c>user</c> nor <c>user:group</c>.</summary>
    Malformed,
    UnknownUser,
    UnknownGroup,

    /// <summary>A number outside of 0 to 2147483647.</summary>
    OutOfRange,
}

/// <summary>A user that the image does not have; the message says what was looked for and where.</summary>
public sealed class UserLookupException(UserLookupFailure failure, string message) : Exception(message)
{
    public UserLookupFailure Failure { get; } = failure;
}

/// <summary>
/// The users and groups of an image, by its own <c>/etc/passwd</c> and <c>/etc/group</c>, with docker's rules: a name must be in the file, a number
/// need not; a number that is in the file brings its group, name and home along. Lines that make no sense are passed over. See passwd(5), group(5).
/// </summary>
public sealed class UserDatabase
{
    private sealed record User(string Name, uint Uid, uint Gid, string Home);

    private sealed record Group(string Name, uint Gid, string[] Members);

    private const uint MaxId = int.MaxValue;

    private readonly List<User> _users = [];
    private readonly List<Group> _groups = [];

    /// <param name="passwd">Content of the image's <c>/etc/passwd</c>; empty when it has none.</param>
    /// <param name="group">Content of the image's <c>/etc/group</c>; empty when it has none.</param>
    public UserDatabase(ReadOnlySpan<byte> passwd, ReadOnlySpan<byte> group)
    {
        foreach (string[] fields in Lines(passwd))
        {
            // name:password:uid:gid:comment:home:shell
            if (fields.Length >= 4 && fields[0].Length > 0 && TryParseId(fields[2], out uint uid) && TryParseId(fields[3], out uint gid))
                _users.Add(new User(fields[0], uid, gid, fields.Length > 5 && fields[5].Length > 0 ? fields[5] : "/"));
        }
        foreach (string[] fields in Lines(group))
        {
            // name:password:gid:members
            if (fields.Length >= 3 && fields[0].Length > 0 && TryParseId(fields[2], out uint gid))
                _groups.Add(new Group(fields[0], gid, fields.Length > 3 ? fields[3].Split(',', StringSplitOptions.RemoveEmptyEntries) : []));
        }
    }

    private static IEnumerable<string[]> Lines(ReadOnlySpan<byte> file) =>
        Encoding.UTF8.GetString(file).Split('\n').Select(line => line.TrimEnd('\r').Split(':'));

    /// <summary>Finds who a specification means. Throws <see cref="UserLookupException"/>.</summary>
    /// <param name="specification">Empty (root), or name or uid, with <c>:</c> and name or gid of a group after it or not.</param>
    public ImageUser Lookup(string specification)
    {
        string[] parts = specification.Split(':');
        if (parts.Length > 2 || specification.Contains('\0', StringComparison.Ordinal))
            throw new UserLookupException(UserLookupFailure.Malformed, $"user '{specification}' is not of the form user, uid, user:group or uid:gid");
        User user = FindUser(parts[0]);
        if (parts.Length == 2 && parts[1].Length > 0)
            return new ImageUser(user.Uid, FindGroup(parts[1]), [], NameOrNull(user), user.Home);
        return new ImageUser(user.Uid, user.Gid, GroupsOf(user.Name), NameOrNull(user), user.Home);
    }

    /// <summary>
    /// The user that a manifest names by number, with the groups that the image gives it. A number never fails.
    /// </summary>
    /// <param name="gid">Null takes the group of the image's passwd file, 0 for a user that it does not know.</param>
    public ImageUser Lookup(uint uid, uint? gid)
    {
        User user = _users.Find(candidate => candidate.Uid == uid) ?? new User("", uid, 0, "/");
        return new ImageUser(uid, gid ?? user.Gid, GroupsOf(user.Name), NameOrNull(user), user.Home);
    }

    private static string? NameOrNull(User user) => user.Name.Length == 0 ? null : user.Name;

    /// <summary>Supplementary groups of a login name, ordered.</summary>
    private IReadOnlyList<uint> GroupsOf(string name) =>
        name.Length == 0 ? [] : [.. _groups.Where(group => group.Members.Contains(name, StringComparer.Ordinal)).Select(group => group.Gid).Distinct().Order()];

    private User FindUser(string text)
    {
        if (text.Length == 0)
            text = "0";
        bool numeric = IsNumber(text);
        // A name of digits is a name first, as in docker.
        if (_users.Find(user => user.Name == text) is { } named)
            return named;
        if (!numeric)
            throw new UserLookupException(UserLookupFailure.UnknownUser, $"user '{text}' is not in the image's /etc/passwd");
        uint uid = ParseId(text, "uid");
        return _users.Find(user => user.Uid == uid) ?? new User("", uid, 0, "/");
    }

    private uint FindGroup(string text)
    {
        if (_groups.Find(group => group.Name == text) is { } named)
            return named.Gid;
        return IsNumber(text)
            ? ParseId(text, "gid")
            : throw new UserLookupException(UserLookupFailure.UnknownGroup, $"group '{text}' is not in the image's /etc/group");
    }

    private static bool IsNumber(string text) => text.All(char.IsAsciiDigit) || (text.Length > 1 && text[0] == '-' && text.Skip(1).All(char.IsAsciiDigit));

    private static uint ParseId(string text, string what) => TryParseId(text, out uint id)
        ? id
        : throw new UserLookupException(UserLookupFailure.OutOfRange, $"{what} {text} is not within 0 and {MaxId}");

    private static bool TryParseId(string text, out uint id) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= MaxId;
}
