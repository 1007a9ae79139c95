using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>
/// Histories drawn from a seed: people edit the folder, containers die, the runtime fails and hangs, events get lost, the agent is killed, the node is drained and opened, all in any order and
/// interleaving. At every step nothing forbidden may be there; when the trouble is over, exactly what the folder says must run.
/// </summary>
public sealed class RandomHistoryTests
{
    private static readonly string[] Names = ["web", "db", "job"];
    private static readonly string[] Files = ["a.yaml", "b.yaml", "c.yaml", "d.yml"];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_happens_nothing_forbidden_does_and_in_the_end_the_folder_is_obeyed(int batch)
    {
        for (int seed = batch * 30; seed < (batch + 1) * 30; seed++)
        {
            var history = new History(seed);
            try
            {
                history.Play();
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}: {error.Message}\n{string.Join('\n', history.Steps)}");
            }
        }
    }

    private sealed class History(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly PodWorld _world = new(seed);
        private readonly Dictionary<string, string> _goodContent = new(StringComparer.Ordinal);
        private readonly HashSet<string> _broken = new(StringComparer.Ordinal);
        private readonly List<TaskCompletionSource> _holds = [];
        private NodeScheduling _scheduling;

        public List<string> Steps { get; } = [];

        public void Play()
        {
            using (_world)
            {
                _world.Start();
                for (int step = 0; step < 40; step++)
                {
                    Step();
                    CheckAlways();
                }

                EndTrouble();
                CheckObeyed();
                Empty();
            }
        }

        private void Step()
        {
            string file = Pick(Files);
            switch (_random.Next(16))
            {
                case 0 or 1 or 2:
                    Put(file, Manifest());
                    break;
                case 3:
                    Note($"break {file}", () => _world.Folder.Put(file, "kind: Pod\n\tbroken"));
                    _goodContent.Remove(file);
                    _broken.Add(file);
                    break;
                case 4:
                    Note($"delete {file}", () => _world.Folder.Delete(file));
                    _goodContent.Remove(file);
                    _broken.Remove(file);
                    break;
                case 5:
                    WriteSlowly(file, Manifest());
                    break;
                case 6 or 7:
                    Exit();
                    break;
                case 8:
                    KillSandbox();
                    break;
                case 9:
                    var verb = Pick(Enum.GetValues<RuntimeVerb>());
                    int times = _random.Next(1, 4);
                    Note($"fail {verb} {times} times", () => _world.Runtime.Fail(verb, null, new PodRuntimeException(RuntimeFailure.CreateContainerError, "made to fail"), times));
                    break;
                case 10:
                    var held = Pick([RuntimeVerb.StopContainer, RuntimeVerb.RunPodSandbox, RuntimeVerb.StartContainer]);
                    Note($"hold {held}", () => _holds.Add(_world.Runtime.Hold(held, Pick(Names) + (held == RuntimeVerb.RunPodSandbox ? "" : "/main"))));
                    break;
                case 11:
                    Note("release", Release);
                    break;
                case 12:
                    Note("events", () => (_world.Runtime.LosesEvents, _world.Runtime.DoublesEvents) = (_random.Next(2) == 0, _random.Next(2) == 0));
                    Note("hints", () => _world.Folder.LosesHints = _random.Next(3) == 0);
                    break;
                case 13:
                    Steps.Add("restart the agent");
                    _world.StopAgent();
                    _world.Start(_scheduling);
                    break;
                case 14:
                    _scheduling = Pick(Enum.GetValues<NodeScheduling>());
                    Note($"the node is {_scheduling}", () => _world.Loops.Workers.SetScheduling(_scheduling));
                    break;
                default:
                    double seconds = Math.Pow(10, (_random.NextDouble() * 3) - 1);
                    Steps.Add($"pass {seconds:0.0} s");
                    _world.PassSeconds(seconds);
                    break;
            }
        }

        private string Manifest()
        {
            string[] containers = Pick<string[]>([["main"], ["main", "side"], ["main: ignore-term"], ["main: slow-term 2"], ["main", "other: exit 1 3"]]);
            string? resources = Pick([null, "resources: {limits: {cpu: 1, memory: 64Mi}}", "resources: {limits: {cpu: 2, memory: 32Mi}}", "resources: {limits: {memory: 32Mi}}"]);
            return PodWorld.Manifest(Pick(Names), containers, grace: _random.Next(1, 3), each: resources);
        }

        private void Put(string file, string manifest)
        {
            Note($"put {file}: {manifest.ReplaceLineEndings(" ")}", () => _world.Folder.Put(file, manifest));
            _goodContent[file] = manifest;
            _broken.Remove(file);
        }

        private void WriteSlowly(string file, string manifest)
        {
            Note($"write {file}: {manifest.ReplaceLineEndings(" ")}", () => _world.Folder.Write(file, manifest[..(manifest.Length / 2)]));
            _world.PassSeconds(_random.NextDouble());
            CheckAlways();
            Note("close", () =>
            {
                _world.Folder.Write(file, manifest);
                _world.Folder.Close(file);
            });
            _goodContent[file] = manifest;
            _broken.Remove(file);
        }

        private void Exit()
        {
            var running = _world.Runtime.Snapshot().SelectMany(state => state.Containers.Where(run => run.State == ContainerRunState.Running)
                .Select(run => (Pod: state.Pod.Metadata!.Name!, run.Name))).ToArray();
            if (running.Length == 0)
                return;
            var (pod, name) = Pick(running);
            Note($"exit {pod}/{name}", () => _world.Runtime.ExitNow(pod, name, _random.Next(2)));
        }

        private void KillSandbox()
        {
            var ready = _world.Runtime.Snapshot().Where(state => state.Sandboxes.Any(sandbox => sandbox.State == PodSandboxState.Ready))
                .Select(state => state.Pod.Metadata!.Name!).ToArray();
            if (ready.Length == 0)
                return;
            string pod = Pick(ready);
            Note($"kill the sandbox of {pod}", () => _world.Runtime.KillSandbox(pod));
        }

        private void Release()
        {
            _world.Runtime.HealFaults();
            foreach (var hold in _holds)
                hold.TrySetResult();
            _holds.Clear();
        }

        private void CheckAlways()
        {
            Assert.Empty(_world.Runtime.Violations);
            foreach (var state in _world.Runtime.Snapshot())
            {
                Assert.True(state.Sandboxes.Count(sandbox => sandbox.State == PodSandboxState.Ready) <= 1, $"pod {state.Uid} has two ready sandboxes");
                foreach (var runs in state.Containers.GroupBy(run => run.Name, StringComparer.Ordinal))
                    Assert.True(runs.Count(run => run.State == ContainerRunState.Running) <= 1, $"container {runs.Key} runs twice");
            }
        }

        private void EndTrouble()
        {
            Note("end of trouble", () =>
            {
                Release();
                (_world.Runtime.LosesEvents, _world.Runtime.DoublesEvents, _world.Folder.LosesHints) = (false, false, false);
            });
            // What a broken file keeps depends on what was seen of it before; mended, all files say what they want.
            foreach (string file in _broken.ToArray())
                Put(file, Manifest());
            if (_scheduling == NodeScheduling.Drained)
            {
                _world.PassSeconds(120);
                Assert.DoesNotContain(_world.Runtime.Snapshot(), state => state.Containers.Any(run => run.State == ContainerRunState.Running));
            }

            Note("the node is Open", () => _world.Loops.Workers.SetScheduling(NodeScheduling.Open));
            // The longest back-off, twice, and a listing.
            for (int i = 0; i < 12; i++)
            {
                _world.PassSeconds(60);
                CheckAlways();
            }
        }

        /// <summary>Every name that some good file has runs as one of the files that have it, and nothing else is there.</summary>
        private void CheckObeyed()
        {
            var claims = _goodContent
                .SelectMany(file => ManifestParser.Parse(System.Text.Encoding.UTF8.GetBytes(file.Value), "/etc/podagent/" + file.Key).Pods
                    .Select(pod => (pod.Metadata!.Name!, Uid: PodIdentity.Uid("node", "/etc/podagent/" + file.Key, pod))))
                .ToLookup(claim => claim.Item1, claim => claim.Uid);
            var there = _world.Runtime.Snapshot();
            Assert.Equal(claims.Select(claim => claim.Key).Order(StringComparer.Ordinal), there.Select(state => state.Pod.Metadata!.Name!).Order(StringComparer.Ordinal));
            Assert.Equal(there.Count, _world.Stores.Pods.Current.Pods.Length);
            foreach (var state in there)
            {
                Assert.Contains(state.Uid.Value, claims[state.Pod.Metadata!.Name!]);
                Assert.Equal(state.Uid.Value, _world.Shown(state.Pod.Metadata.Name!)!.Metadata!.Uid);
                Assert.True(_world.IsRunning(state.Pod.Metadata.Name!), $"{state.Pod.Metadata.Name}/main does not run");
                Assert.Equal(PodPhase.Running, _world.Status(state.Pod.Metadata.Name!).Phase);
                CheckResources(state);
            }

            Assert.Equal(
                there.SelectMany(state => state.Containers).Select(run => run.Id.Value).Order(StringComparer.Ordinal), _world.Images.Snapshots.Order(StringComparer.Ordinal));
        }

        /// <summary>What runs has the resources that some good file asks for, the pod's own record too, and no resize is left over.</summary>
        private void CheckResources(PodRuntimeState state)
        {
            var shown = _world.Shown(state.Pod.Metadata!.Name!)!;
            Assert.True(ResizableResources.Same(shown, state.Pod), $"the record of {state.Pod.Metadata.Name} has other resources than are wanted");
            Assert.DoesNotContain(shown.Status!.Conditions!, condition => condition.Type.StartsWith("PodResize", StringComparison.Ordinal));
            foreach (var run in state.Containers.Where(run => run.State == ContainerRunState.Running))
            {
                var container = shown.Spec!.Containers!.Single(candidate => candidate.Name == run.Name);
                Assert.True(ResizableResources.Same(container.Resources, run.Resources), $"{run.Name} has other resources than are wanted");
            }

            Assert.Contains(_goodContent, file => ManifestParser.Parse(System.Text.Encoding.UTF8.GetBytes(file.Value), file.Key).Pods.Any(pod => ResizableResources.Same(pod, shown)));
        }

        private void Empty()
        {
            foreach (string file in Files)
                Note($"delete {file}", () => _world.Folder.Delete(file));
            _world.PassSeconds(60);
            Assert.Empty(_world.Runtime.Snapshot());
            Assert.Empty(_world.Images.Snapshots);
            Assert.Empty(_world.Runtime.Volumes);
            Assert.Empty(_world.Stores.Pods.Current.Pods);
            Assert.Empty(_world.Stores.Manifests.Current);
            Assert.Empty(_world.Loops.Workers.Uids);
        }

        private void Note(string what, Action action)
        {
            Steps.Add(what);
            _world.Do(action);
        }

        private T Pick<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];
    }
}
