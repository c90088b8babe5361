#if canImport(ImageIO)
  import CoreGraphics
  import Foundation
  import ImageIO

  /// Decodes pictures with ImageIO, on Apple's platforms.
  enum PictureDecoder {
    /// The accepted formats. Fewer decoders mean fewer ways to attack the app with a file.
    private static let formats: Set = [
      "public.png", "public.jpeg", "public.heic", "public.heif", "org.webmproject.webp",
    ]

    /// Decodes a picture into upright pixels in sRGB, composited onto white.
    ///
    /// It checks the size and the completeness of the file before it decodes anything.
    static func decode(
      _ data: Data, allocator: any BufferAllocator
    ) throws(PictureFailure) -> Picture {
      let options = NSDictionary(dictionary: [kCGImageSourceShouldCache as String: false])
      guard
        let source = CGImageSourceCreateWithData(
          NSData(data: data) as CFData, options as CFDictionary),
        let type = CGImageSourceGetType(source), formats.contains(type as String)
      else { throw .unreadable("not a PNG, JPEG, WebP or HEIC picture") }
      let (width, height, orientation) = try header(of: source)
      guard width <= Picture.maxPixels / height else { throw .tooLarge(width, height) }
      guard CGImageSourceGetStatusAtIndex(source, 0) == .statusComplete else {
        throw .unreadable("the picture is cut short")
      }
      guard let image = CGImageSourceCreateImageAtIndex(source, 0, options as CFDictionary) else {
        throw .unreadable("the picture is damaged")
      }
      let picture = try Selfie.allocated(width, height, allocator: allocator)
      try picture.draw(image)
      do throws(AvatarError) {
        return try picture.upright(orientation: orientation, allocator: allocator)
      } catch {
        throw PictureFailure(error)
      }
    }

    private static func header(
      of source: CGImageSource
    ) throws(PictureFailure) -> (width: Int, height: Int, orientation: Int) {
      let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [String: Any]
      guard let width = properties?[kCGImagePropertyPixelWidth as String] as? Int,
        let height = properties?[kCGImagePropertyPixelHeight as String] as? Int,
        width > 0, height > 0
      else { throw .unreadable("the picture's header is damaged") }
      let orientation = properties?[kCGImagePropertyOrientation as String] as? Int
      return (width, height, orientation ?? 1)
    }
  }

  /// Encodes PNG and JPEG files with ImageIO.
  enum PictureEncoder {
    /// Encodes a PNG file.
    ///
    /// - Parameter rgb: The pixels in 8-bit sRGB, row by row from the top.
    static func png(_ rgb: [UInt8], width: Int, height: Int) throws(AvatarError) -> Data {
      try encode(rgb, width, height, as: "public.png", [:])
    }

    /// Encodes a JPEG file.
    ///
    /// - Parameter quality: 0 (smallest) to 1 (best).
    static func jpeg(
      _ rgb: [UInt8], width: Int, height: Int, quality: Double
    ) throws(AvatarError) -> Data {
      let key = kCGImageDestinationLossyCompressionQuality as String
      return try encode(rgb, width, height, as: "public.jpeg", [key: quality])
    }

    private static func encode(
      _ rgb: [UInt8], _ width: Int, _ height: Int, as type: String, _ properties: [String: Any]
    ) throws(AvatarError) -> Data {
      let result = NSMutableData()
      guard let image = image(rgb, width: width, height: height),
        let destination = CGImageDestinationCreateWithData(
          result as CFMutableData, type as CFString, 1, nil)
      else { throw .runtimeFailed(component: "ImageIO", reason: "the avatar cannot be written") }
      CGImageDestinationAddImage(
        destination, image, NSDictionary(dictionary: properties) as CFDictionary)
      guard CGImageDestinationFinalize(destination) else {
        throw .runtimeFailed(component: "ImageIO", reason: "the avatar cannot be written")
      }
      return Data(referencing: result)
    }

    /// Returns the pixels as an image to show or to encode, or nil if memory ran out.
    static func image(_ rgb: [UInt8], width: Int, height: Int) -> CGImage? {
      guard let space = CGColorSpace(name: CGColorSpace.sRGB),
        let provider = CGDataProvider(data: NSData(data: Data(rgb)) as CFData)
      else { return nil }
      return CGImage(
        width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 24,
        bytesPerRow: 3 * width, space: space,
        bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.none.rawValue), provider: provider,
        decode: nil, shouldInterpolate: true, intent: .defaultIntent)
    }
  }

  extension Avatar {
    /// The avatar as an image to show, or nil if memory ran out.
    ///
    /// Show `AiLabel.disclosure` beside it.
    public var cgImage: CGImage? {
      PictureEncoder.image(pixels, width: width, height: height)
    }

    /// Encodes the avatar as a JPEG file that is labelled as AI-generated (`AiLabel`).
    ///
    /// Throws `AvatarError.runtimeFailed` if the encoder fails.
    ///
    /// - Parameter quality: 0 (smallest) to 1 (best).
    public func jpegData(quality: Double = 0.95) throws(AvatarError) -> Data {
      let file = try PictureEncoder.jpeg(pixels, width: width, height: height, quality: quality)
      return try AiLabel.labelled(file)
    }
  }
#endif
