import Foundation

/// One picture of the person.
///
/// The library holds it in memory only.
public struct Selfie: Sendable {
  enum Source: Sendable {
    case encoded(Data)
    case pixels([UInt8], width: Int, height: Int)
  }

  let source: Source

  /// Creates a selfie from the bytes of a picture file.
  ///
  /// Every platform reads PNG. Apple's platforms also read JPEG, HEIC and WebP. The library applies
  /// the EXIF orientation and the embedded colour profile, and composites transparency onto white.
  public init(_ data: Data) {
    source = .encoded(data)
  }

  /// Creates a selfie from the pixels of an upright picture in sRGB.
  ///
  /// - Parameters:
  ///   - pixels: 8-bit RGB or RGBA (not premultiplied), row by row from the top, without padding.
  ///   - width: The width in pixels.
  ///   - height: The height in pixels.
  public init(pixels: [UInt8], width: Int, height: Int) {
    source = .pixels(pixels, width: width, height: height)
  }
}
