/// What a run reports, in this order: progress and avatars by turns, and `finished` at the end.
public enum AvatarEvent: Sendable, Equatable {
  /// One sampling step of one avatar is done.
  case progress(AvatarProgress)
  /// One avatar is done.
  case avatar(Avatar)
  /// All avatars are done, and the memory that held selfies is zeroed.
  case finished(AvatarSummary)
}

/// How far a run is.
public struct AvatarProgress: Sendable, Equatable {
  /// The avatar that is being made, from 0.
  public let avatar: Int
  /// How many avatars were asked for.
  public let count: Int
  /// Steps of this avatar that are done, from 1.
  public let step: Int
  /// Steps that one avatar takes.
  public let steps: Int

  /// All of the run, in (0,1].
  public var fraction: Double { (Double(avatar) + Double(step) / Double(steps)) / Double(count) }
}

/// What a run took.
public struct AvatarSummary: Sendable, Equatable {
  /// Avatars made.
  public let count: Int
  /// The most memory that the process has had resident since it began, in bytes.
  public let peakMemoryBytes: Int
  /// Mean wall-clock time of a sampling step, in seconds; with guidance a step is two calls.
  public let secondsPerStep: Double
  /// Wall-clock time from the call to the last avatar, loading included, in seconds.
  public let totalSeconds: Double
}
