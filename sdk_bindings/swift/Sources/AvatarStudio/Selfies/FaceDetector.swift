/// The bounding box of a face in the upright picture, in pixels from its upper left corner.
public struct Face: Sendable, Equatable {
  /// The left edge.
  public let left: Double
  /// The upper edge.
  public let top: Double
  /// The distance from the left edge to the right one.
  public let width: Double
  /// The distance from the upper edge to the lower one.
  public let height: Double

  /// Creates a bounding box in pixels.
  public init(left: Double, top: Double, width: Double, height: Double) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }
}

/// Finds faces, on the device.
///
/// `VisionFaceDetector` is the default on Apple's platforms. On other platforms there is no
/// default, and the face rules do not apply.
public protocol FaceDetector: Sendable {
  /// Returns the bounding boxes of all faces in an upright picture, in any order.
  ///
  /// An error that it throws reaches the app as `AvatarError.runtimeFailed`.
  func faces(in picture: Picture) throws -> [Face]
}
