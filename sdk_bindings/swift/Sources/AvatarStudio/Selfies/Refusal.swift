/// What is asked of selfies; the limits stand in the model's description.
public enum SelfieRule: String, Sendable, CaseIterable {
  /// Number of selfies.
  case count
  /// Shorter side of the upright picture, in pixels.
  case side
  /// Mean luma, 0 (black) to 1 (white).
  case brightness
  /// Standard deviation of luma.
  case contrast
  /// Root mean square of luma's Laplacian over its contrast.
  case sharpness
  /// Mean absolute difference to every earlier selfie.
  case difference
  /// Number of faces.
  case faces
  /// Width of the face over the picture's shorter side.
  case faceSize = "face_size"
  /// Distance of the face's centre from the picture's, over the shorter side.
  case faceOffset = "face_offset"
}

/// One selfie that breaks one rule.
public struct Refusal: Sendable, Equatable {
  /// The selfie's place in what was passed, from 0; nil where the rule is about all of them.
  public let selfie: Int?
  /// The rule that it breaks.
  public let rule: SelfieRule
  /// What was measured, in the rule's unit.
  public let measured: Double
  /// The limit that it should have kept.
  public let limit: Double
  /// The earlier selfie that it is nearly the same as, for the rule `difference`.
  public let earlier: Int?
  /// All of it in one line for the developer, in English, without the selfie's place.
  public let message: String
}

extension Refusal: CustomStringConvertible {
  /// The message, after the selfie's place.
  public var description: String { selfie.map { "selfie \($0): \(message)" } ?? message }
}
