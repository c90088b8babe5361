import AvatarStudio
import Foundation

/// Does on the command line what an app does.
func run(_ arguments: Arguments) async throws {
  if arguments.flags.contains("--styles") { return listStyles() }
  let selfies = try arguments.selfies.map(read)
  let style = try AvatarStyle(named: arguments.style)
  let source = arguments.model.map { ModelSource.folder(URL(fileURLWithPath: $0)) } ?? .bundled
  let studio = try await AvatarStudio(source, options: options(arguments))
  if arguments.flags.contains("--check") {
    for refusal in try await studio.check(selfies) { print(refusal) }
    return
  }
  let events = studio.avatars(
    of: selfies, style: style, count: arguments.count, seed: arguments.seed,
    steps: arguments.steps)
  for try await event in events { try show(event, arguments) }
  print("\(AiLabel.disclosure). Style: \(style.details.credit)")
}

func read(_ path: String) throws -> Selfie {
  do {
    return Selfie(try Data(contentsOf: URL(fileURLWithPath: path)))
  } catch {
    throw Arguments.UsageError(message: "\(path) cannot be read")
  }
}

func options(_ arguments: Arguments) -> StudioOptions {
  StudioOptions(
    backend: arguments.flags.contains("--fake") ? FakeBackend() : nil,
    entitlement: arguments.flags.contains("--plus") ? .plus : .free)
}

func show(_ event: AvatarEvent, _ arguments: Arguments) throws {
  switch event {
  case .progress(let progress):
    say("avatar \(progress.avatar + 1) of \(progress.count): step \(progress.step)")
  case .drawn(let avatar):
    let file = arguments.file(avatar.index)
    try avatar.pngData().write(to: file, options: .atomic)
    print(file.path)
  case .finished(let summary):
    let megabytes = summary.peakMemoryBytes / 1_000_000
    let step = String(format: "%.3f", summary.secondsPerStep)
    let total = String(format: "%.2f", summary.totalSeconds)
    say("\(total) s in all, \(step) s a step, peak memory \(megabytes) MB")
  }
}

func listStyles() {
  for style in AvatarStyle.allCases {
    print("\(style.rawValue)\t\(style.details.tier.rawValue)\t\(style.details.credit)")
  }
}

func say(_ text: String) {
  FileHandle.standardError.write(Data("\(text)\n".utf8))
}

do {
  let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
  if arguments.flags.contains("--help") {
    print(usage)
  } else {
    try await run(arguments)
  }
} catch let error as Arguments.UsageError {
  say("avatar-example: \(error.message)")
  exit(2)
} catch let error as AvatarError {
  say("avatar-example: \(error)")
  exit(2)
} catch {
  say("avatar-example: \(error.localizedDescription)")
  exit(2)
}
