/// The rules for selfies, in the order in which refusals are given.
///
/// The manifest holds the limits. The measures of luma are computed on the prepared selfie.
public enum SelfieRule: String, Sendable, CaseIterable {
  /// The number of selfies.
  case count
  /// The shorter side of the upright picture, in pixels.
  case side
  /// The mean luma, 0 (black) to 1 (white).
  case brightness
  /// The standard deviation of the luma.
  case contrast
  /// The root mean square of the luma's Laplacian, divided by its contrast.
  case sharpness
  /// The mean absolute difference to the most similar earlier selfie, 0 to 1.
  case difference
  /// The number of faces in the upright picture.
  case faces
  /// The width of the face's bounding box, divided by the shorter side of the picture.
  case faceSize = "face_size"
  /// The distance between the centres of the face's bounding box and of the picture, divided by the
  /// shorter side of the picture.
  case faceOffset = "face_offset"
}
