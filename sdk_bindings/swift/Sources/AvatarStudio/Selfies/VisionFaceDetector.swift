#if canImport(Vision)
  import CoreGraphics
  import Foundation
  import Vision

  /// Finds faces with Apple's Vision framework, which works on the device.
  public struct VisionFaceDetector: FaceDetector {
    /// Any two are the same.
    public init() {}

    /// The boxes of all faces, in any order. Throws what Vision throws.
    public func faces(in picture: Picture) throws -> [FaceBox] {
      let request = VNDetectFaceRectanglesRequest()
      let handler = VNImageRequestHandler(cgImage: try picture.cgImage(), options: [:])
      try handler.perform([request])
      return (request.results ?? []).map { face in
        Self.box(face.boundingBox, width: picture.width, height: picture.height)
      }
    }

    /// Vision counts in [0,1] from the lower left.
    static func box(_ box: CGRect, width: Int, height: Int) -> FaceBox {
      FaceBox(
        x: Double(box.minX) * Double(width), y: (1 - Double(box.maxY)) * Double(height),
        width: Double(box.width) * Double(width), height: Double(box.height) * Double(height))
    }
  }
#endif
