#if canImport(Vision)
  import CoreGraphics
  import Foundation
  import Vision

  /// Finds faces with Apple's Vision framework, which runs on the device.
  public struct VisionFaceDetector: FaceDetector {
    /// Creates a detector. It has no state, so any two behave the same.
    public init() {}

    /// Returns the bounding boxes of all faces, in any order. Throws the error of Vision.
    public func faces(in picture: Picture) throws -> [Face] {
      let request = VNDetectFaceRectanglesRequest()
      let handler = VNImageRequestHandler(cgImage: try picture.cgImage(), options: [:])
      try handler.perform([request])
      return (request.results ?? []).map { face in
        Self.box(face.boundingBox, width: picture.width, height: picture.height)
      }
    }

    /// Converts a box of Vision, whose coordinates are in [0,1] from the lower left corner.
    static func box(_ box: CGRect, width: Int, height: Int) -> Face {
      Face(
        left: Double(box.minX) * Double(width), top: (1 - Double(box.maxY)) * Double(height),
        width: Double(box.width) * Double(width), height: Double(box.height) * Double(height))
    }
  }
#endif
