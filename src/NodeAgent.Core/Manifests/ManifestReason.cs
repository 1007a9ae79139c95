namespace NodeAgent.Core.Manifests;

/// <summary>Why a manifest, or a part of it, is not taken. Tests and programs look at this; people read the message.</summary>
public enum ManifestReason
{
    // The file itself.
    Unreadable,
    NotARegularFile,
    TooLarge,
    EmptyFile,

    // Its text.
    Utf16,
    NotUtf8,
    NulByte,
    ControlCharacter,
    TabIndentation,
    YamlSyntax,
    JsonSyntax,
    TooDeep,
    TooManyValues,
    UndefinedAlias,
    UnsupportedTag,
    BadKey,
    DuplicateKey,

    // What kind of object it holds.
    NotAnObject,
    MissingKind,
    UnsupportedApiVersion,
    UnsupportedKind,

    // The object's fields.
    UnknownField,
    WrongType,
    MissingField,
    InvalidValue,
    UnsupportedValue,
    OutOfRange,
    TooLong,
    DuplicateValue,
    ExclusiveFields,
    MissingReference,

    // What the agent does with it.
    NotYet,
    Refused,
    NameTaken,
    TooManyErrors,
}
