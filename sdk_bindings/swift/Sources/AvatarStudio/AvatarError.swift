import Foundation

/// Everything that can go wrong; every function and sequence of the library throws only this.
public enum AvatarError: Error, Sendable, Equatable {
  /// Selfies break rules: all refusals, by selfie and then by rule. No network has run.
  case selfiesRefused([Refusal])
  /// Selfie `index` (from 0) is not a picture, is damaged or has more than 120 million pixels.
  case unreadablePicture(index: Int, reason: String)
  /// The model has no style of this name.
  case styleUnknown(name: String)
  /// The style is of the plus tier and the app has not passed `Entitlement.plus`.
  case styleNeedsPlus(AvatarStyle)
  /// The model was not made for so many steps, only for those in `known`.
  case stepsUnknown(steps: Int, known: [Int])
  /// Fewer than 1 avatar was asked for.
  case countInvalid(Int)
  /// There is no model where one was expected.
  case modelMissing(path: String)
  /// A file of the model is missing, cut short or changed.
  case modelDamaged(file: String)
  /// The model is whole, but not the one that the library was generated for.
  case modelOfAnotherVersion(reason: String)
  /// Memory ran out.
  case outOfMemory
  /// The disk is full where the compiled model is kept.
  case storageFull
  /// The task was cancelled, or the sequence of events given up.
  case cancelled
  /// What executes the networks, or reads and writes pictures, failed.
  case runtimeFailed(component: String, reason: String)
  /// The studio was closed.
  case closed
}

extension AvatarError: LocalizedError, CustomStringConvertible {
  /// One or more sentences for the developer, in English.
  public var errorDescription: String? { description }

  /// What happened, what was expected and what to do: for the developer, in English.
  public var description: String {
    switch self {
    case .selfiesRefused(let refusals):
      return refusals.map(\.description).joined(separator: "; ")
    case .unreadablePicture(let index, let reason):
      return "selfie \(index) cannot be read: \(reason)"
    case .styleUnknown, .styleNeedsPlus, .stepsUnknown, .countInvalid:
      return aboutTheCall
    case .modelMissing, .modelDamaged, .modelOfAnotherVersion:
      return aboutTheModel
    case .outOfMemory:
      return "memory ran out; try again when less is in use"
    case .storageFull:
      return "the disk is full where the compiled model is kept; free some space and try again"
    case .cancelled:
      return "the avatars were cancelled"
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
      return "no style is named \(name); there are \(known)"
    case .styleNeedsPlus(let style):
      return "the style \(style.rawValue) needs Plus; pass Entitlement.plus once it is bought"
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
      return "there is no model in \(path); publish the package with one, or name its folder"
    case .modelDamaged(let file):
      return "the model's file \(file) is missing or damaged; install the app anew"
    case .modelOfAnotherVersion(let reason):
      return "the model is another one than the library was generated for: \(reason)"
    default:
      return ""
    }
  }
}
