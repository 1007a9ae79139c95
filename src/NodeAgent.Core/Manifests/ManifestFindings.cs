namespace NodeAgent.Core.Manifests;

/// <summary>Collects the faults and notes of one document and finds their places; at most <see cref="MaxErrors"/> faults a file.</summary>
internal sealed class ManifestFindings(string file)
{
    public const int MaxErrors = 100;

    private readonly List<ManifestError> _errors = [];
    private readonly List<ManifestNote> _notes = [];

    public string File => file;

    /// <summary>The document under inspection, in which paths are looked up; set before anything is added by path alone.</summary>
    public ManifestNode? Document { get; set; }

    public IReadOnlyList<ManifestError> Errors => _errors;

    public IReadOnlyList<ManifestNote> Notes => _notes;

    /// <summary>No more is looked for: the file is refused anyway, and the list helps nobody.</summary>
    public bool IsFull => _errors.Count >= MaxErrors;

    public void Add(ManifestError error)
    {
        if (IsFull) return;
        _errors.Add(error);
        if (_errors.Count == MaxErrors - 1)
        {
            _errors.Add(ManifestError.OfFile(file, ManifestReason.TooManyErrors, "has more faults, which are not listed",
                "mend those above first"));
        }
    }

    public void Add(ManifestNode place, FieldPath path, ManifestReason reason, string message, string remedy) =>
        Add(new ManifestError(file, place.Line, place.Column, path.ToString(), reason, message, remedy));

    public void Add(ManifestEntry place, FieldPath path, ManifestReason reason, string message, string remedy) =>
        Add(new ManifestError(file, place.Line, place.Column, path.ToString(), reason, message, remedy));

    public void Add(FieldPath path, ManifestReason reason, string message, string remedy)
    {
        if (IsFull) return;
        (int line, int column) = Document is null ? (0, 0) : path.Locate(Document);
        Add(new ManifestError(file, line, column, path.ToString(), reason, message, remedy));
    }

    public void Note(ManifestEntry place, FieldPath path, string message)
    {
        if (_notes.Count < MaxErrors) _notes.Add(new ManifestNote(file, place.Line, place.Column, path.ToString(), message));
    }
}
