import Foundation

/// Everything that can go wrong.
///
/// Every function and sequence of the library throws only this type.
public enum AvatarError: Error, Sendable, Equatable {
  /// Selfies break rules. The refusals are ordered by selfie and then by rule. No network has run.
  case selfiesRefused([Refusal])
  /// The selfie with this index (from 0) is not a picture, is damaged, or has more than 120 million
  /// pixels.
  case unreadablePicture(selfie: Int, reason: String)
  /// The model has no style of this name.
  case styleUnknown(name: String)
  /// The style is of the Plus tier and the app has not passed `Tier.plus` as the entitlement.
  case styleNeedsPlus(AvatarStyle)
  /// The model was not made for this number of steps, only for those in `known`.
  case stepsUnknown(steps: Int, known: [Int])
  /// Fewer than 1 avatar was asked for.
  case countInvalid(Int)
  /// There is no model at this path.
  case modelMissing(path: String)
  /// A file of the model is missing, truncated or changed.
  case modelDamaged(file: String)
  /// The model is complete, but it is not the one that the library was generated for.
  case modelOfAnotherVersion(reason: String)
  /// The model takes aligned faces, and the app has passed no `FaceLandmarkDetector`.
  case landmarkDetectorMissing
  /// Memory ran out.
  case outOfMemory
  /// The disk that holds the compiled model is full.
  case storageFull
  /// The task was cancelled, or the app stopped reading the sequence of events.
  case cancelled
  /// A backend, a face detector, or the code that decodes and encodes pictures failed.
  case runtimeFailed(component: String, reason: String)
  /// The studio was closed.
  case closed
}

extension AvatarError: LocalizedError, CustomStringConvertible {
  /// The same text as `description`.
  public var errorDescription: String? { description }

  /// A description of the error, with what was expected and what to do.
  ///
  /// The text is English and for the developer.
  public var description: String {
    switch self {
    case .selfiesRefused(let refusals):
      return refusals.map(\.description).joined(separator: "; ")
    case .unreadablePicture(let selfie, let reason):
      return "selfie \(selfie) cannot be read: \(reason)"
    case .styleUnknown, .styleNeedsPlus, .stepsUnknown, .countInvalid:
      return aboutTheCall
    case .modelMissing, .modelDamaged, .modelOfAnotherVersion, .landmarkDetectorMissing:
      return aboutTheModel
    case .outOfMemory:
      return "memory ran out; free some memory and try again"
    case .storageFull:
      return "the disk that holds the compiled model is full; free some space and try again"
    case .cancelled:
      return "the run was cancelled"
    case .runtimeFailed(let component, let reason):
      return "\(component) failed: \(reason)"
    case .closed:
      return "the studio is closed; open another one"
    }
  }

  private var aboutTheCall: String {
    switch self {
    case .styleUnknown(let name):
      let known = AvatarStyle.allCases.map(\.rawValue).joined(separator: ", ")
      return "no style is named \(name); the model has \(known)"
    case .styleNeedsPlus(let style):
      return "the style \(style.rawValue) needs Plus; pass entitlement .plus once it is bought"
    case .stepsUnknown(let steps, let known):
      let list = known.map(String.init).joined(separator: ", ")
      return "the model was not made for \(steps) steps, but for \(list)"
    case .countInvalid(let count):
      return "\(count) avatars were asked for, expected at least 1"
    default:
      return ""
    }
  }

  private var aboutTheModel: String {
    switch self {
    case .modelMissing(let path):
      return "there is no model in \(path); publish the package with a model, or name its folder"
    case .modelDamaged(let file):
      return "the model's file \(file) is missing or damaged; install the app again"
    case .modelOfAnotherVersion(let reason):
      return "the model is not the one that the library was generated for: \(reason)"
    case .landmarkDetectorMissing:
      return "the model takes aligned faces and there is no landmark detector; "
        + "pass one as StudioOptions(landmarkDetector: ...)"
    default:
      return ""
    }
  }
}
