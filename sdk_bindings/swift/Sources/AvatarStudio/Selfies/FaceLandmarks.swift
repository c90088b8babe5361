/// Five points of a face in the upright picture, in pixels from its upper left corner.
///
/// Left and right are those of the picture.
public struct FaceLandmarks: Sendable, Equatable {
  /// A point in pixels.
  public struct Point: Sendable, Equatable {
    /// The distance from the left edge.
    public let x: Double
    /// The distance from the upper edge.
    public let y: Double

    /// Creates a point.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// The centre of the eye on the left.
  public let leftEye: Point
  /// The centre of the eye on the right.
  public let rightEye: Point
  /// The tip of the nose.
  public let nose: Point
  /// The corner of the mouth on the left.
  public let leftMouth: Point
  /// The corner of the mouth on the right.
  public let rightMouth: Point

  /// Creates landmarks.
  public init(leftEye: Point, rightEye: Point, nose: Point, leftMouth: Point, rightMouth: Point) {
    self.leftEye = leftEye
    self.rightEye = rightEye
    self.nose = nose
    self.leftMouth = leftMouth
    self.rightMouth = rightMouth
  }

  var points: [Point] { [leftEye, rightEye, nose, leftMouth, rightMouth] }
}

/// Finds the landmarks of faces, on the device.
///
/// Models whose identity encoder is a face network, such as those of FaceID adapters, take aligned
/// faces. Their studios need a landmark detector in `StudioOptions`: the library crops each selfie so
/// that eyes, nose and mouth lie where such networks expect them, instead of taking the centre
/// square.
public protocol FaceLandmarkDetector: Sendable {
  /// Returns the landmarks of all faces in an upright picture, in any order.
  ///
  /// If there is not exactly one face, the selfie breaks the rule `faces`. An error that it throws
  /// reaches the app as `AvatarError.runtimeFailed`.
  func landmarks(in picture: Picture) throws -> [FaceLandmarks]
}
