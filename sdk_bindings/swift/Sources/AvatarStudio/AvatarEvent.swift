/// An event that a run reports.
///
/// For each avatar there is one `progress` per sampling step and then one `drawn`, which with
/// `MemoryPolicy.oneAtATime` follows when the steps of all avatars are done. `finished` is the last
/// event of a run.
public enum AvatarEvent: Sendable, Equatable {
  /// One sampling step of one avatar is done.
  case progress(Progress)
  /// One avatar is done. It belongs to the app from here on.
  case drawn(Avatar)
  /// All avatars are done, and the memory that held selfies is zeroed.
  case finished(Finished)

  /// The progress of a run.
  public struct Progress: Sendable, Equatable {
    /// The index of the avatar that is being drawn, from 0.
    public let avatar: Int
    /// The number of avatars that the app asked for.
    public let count: Int
    /// The number of steps of this avatar that are done, from 1.
    public let step: Int
    /// The number of steps that one avatar takes.
    public let steps: Int
    /// An approximate picture of the avatar so far, if the app asked for previews and the model can
    /// make them.
    public let preview: Preview?

    /// The part of the whole run that is done, in (0,1].
    public var fraction: Double { (Double(avatar) + Double(step) / Double(steps)) / Double(count) }
  }

  /// A small approximate picture in 8-bit sRGB, made of the latents without the decoder. It belongs
  /// to the app.
  public struct Preview: Sendable, Equatable {
    /// The width in pixels, which is that of the latents.
    public let width: Int
    /// The height in pixels.
    public let height: Int
    /// The pixels in RGB, three bytes each, row by row from the top.
    public let pixels: [UInt8]
  }

  /// The number of avatars that a run drew, and the memory and time that it took.
  public struct Finished: Sendable, Equatable {
    /// The number of avatars that were drawn.
    public let count: Int
    /// The largest resident set of the process since it started, in bytes.
    public let peakMemoryBytes: Int
    /// The mean wall-clock time of a sampling step, in seconds. With guidance a step is two calls.
    public let secondsPerStep: Double
    /// The wall-clock time from the call to the last avatar, in seconds. It includes loading.
    public let totalSeconds: Double
  }
}
