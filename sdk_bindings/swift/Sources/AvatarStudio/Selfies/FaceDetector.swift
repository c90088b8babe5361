/// A face's bounding box in pixels; the origin is the picture's top left.
public struct FaceBox: Sendable, Equatable {
  /// The left edge.
  public let x: Double
  /// The upper edge.
  public let y: Double
  /// Pixels from the left edge to the right.
  public let width: Double
  /// Pixels from the upper edge to the lower.
  public let height: Double

  /// A box in pixels, from the top left.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }
}

/// What finds faces, on the device: Vision on Apple's platforms, or the app's own.
public protocol FaceDetector: Sendable {
  /// The boxes of all faces in an upright picture, in any order.
  ///
  /// Errors reach the app as `AvatarError.runtimeFailed`.
  func faces(in picture: Picture) throws -> [FaceBox]
}
