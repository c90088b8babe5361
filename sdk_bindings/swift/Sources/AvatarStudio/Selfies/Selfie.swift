import Foundation

/// One picture of the person, held in memory only.
public struct Selfie: Sendable {
  enum Source: Sendable {
    case encoded(Data)
    case pixels([UInt8], width: Int, height: Int)
  }

  let source: Source

  /// A picture file's bytes.
  ///
  /// PNG everywhere; on Apple's platforms also JPEG, HEIC and WebP. EXIF orientation and embedded
  /// colour profile are applied; transparency is laid on white.
  public init(_ data: Data) {
    source = .encoded(data)
  }

  /// Pixels of an upright picture in sRGB.
  ///
  /// - Parameters:
  ///   - pixels: 8-bit RGB or RGBA (not premultiplied), row by row from the top, without padding.
  ///   - width: Pixels in a row.
  ///   - height: Rows.
  public init(pixels: [UInt8], width: Int, height: Int) {
    source = .pixels(pixels, width: width, height: height)
  }
}
