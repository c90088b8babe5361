import Foundation

/// The place of the model's files.
public enum ModelSource: Sendable {
  /// The package's resources, where publishing puts the model.
  case bundled
  /// A folder, for example one that the app has downloaded itself.
  case folder(URL)

  /// Returns the folder. Throws `modelMissing` if the package carries no model.
  func url() throws(AvatarError) -> URL {
    switch self {
    case .folder(let url): return url
    case .bundled:
      guard let url = Bundle.module.url(forResource: "Artifact", withExtension: nil) else {
        throw .modelMissing(path: "the package's resources")
      }
      return url
    }
  }
}
