#if !canImport(ImageIO)
  import CPictures
  import Foundation

  /// Decodes PNG files with libpng's simplified interface (libpng manual, section V), on Linux.
  enum PictureDecoder {
    /// Decodes a PNG file into upright pixels in sRGB. It keeps alpha.
    static func decode(
      _ data: Data, allocator: any BufferAllocator
    ) throws(PictureFailure) -> Picture {
      let decoded = data.withUnsafeBytes { file in
        Result { () throws(PictureFailure) in try decode(file, allocator: allocator) }
      }
      return try decoded.get()
    }

    private static func decode(
      _ file: UnsafeRawBufferPointer, allocator: any BufferAllocator
    ) throws(PictureFailure) -> Picture {
      let chunks = try PNGChunks(file)
      let (width, height) = try chunks.size(in: file)
      guard width > 0, height > 0 else { throw .unreadable("\(width)×\(height) pixels") }
      guard width <= Picture.maxPixels / height else { throw .tooLarge(width, height) }
      let exif = chunks.first("eXIf").map { UnsafeRawBufferPointer(rebasing: file[$0.data]) }
      let orientation = exif.map { exifOrientation($0) } ?? 1
      let picture = try Selfie.allocated(width, height, allocator: allocator)
      do throws(AvatarError) {
        let plain = try withoutColourSpace(file, chunks, allocator: allocator)
        try read(UnsafeRawBufferPointer(plain.bytes), into: picture)
        withExtendedLifetime(plain) {}
        profile(in: file, chunks)?.apply(to: picture, isGrey: chunks.isGrey(in: file))
        return try picture.upright(orientation: orientation, allocator: allocator)
      } catch {
        throw PictureFailure(error)
      }
    }

    private static func profile(
      in file: UnsafeRawBufferPointer, _ chunks: PNGChunks
    ) -> ColourProfile? {
      guard let chunk = chunks.first("iCCP") else { return nil }
      return ColourProfile(chunk: UnsafeRawBufferPointer(rebasing: file[chunk.data]))
    }

    /// Returns the file without the chunks that would make libpng convert colours.
    private static func withoutColourSpace(
      _ file: UnsafeRawBufferPointer, _ chunks: PNGChunks, allocator: any BufferAllocator
    ) throws(AvatarError) -> Buffer {
      let colour: Set = ["gAMA", "cHRM", "iCCP", "sRGB", "cICP"]
      let kept = chunks.chunks.filter { !colour.contains($0.type) }.map(\.whole)
      let parts = [0..<PNGChunks.signature.count] + kept
      let count = parts.reduce(0) { $0 + $1.count }
      let result = try Buffer(byteCount: count, allocator: allocator)
      var offset = 0
      for part in parts {
        let target = UnsafeMutableRawBufferPointer(rebasing: result.bytes[offset...])
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: file[part]))
        offset += part.count
      }
      return result
    }

    private static func read(
      _ file: UnsafeRawBufferPointer, into picture: Picture
    ) throws(AvatarError) {
      var image = png_image()
      image.version = UInt32(PNG_IMAGE_VERSION)
      defer { png_image_free(&image) }
      guard png_image_begin_read_from_memory(&image, file.baseAddress, file.count) != 0 else {
        throw failure(&image, "the picture is damaged")
      }
      image.format = rgba
      image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
      let finished = picture.withPixels { pixels in
        png_image_finish_read(&image, nil, pixels.baseAddress, Int32(4 * picture.width), nil)
      }
      guard finished != 0, image.warning_or_error & 2 == 0 else {
        throw failure(&image, "the picture is damaged")
      }
    }
  }

  /// Encodes PNG files with libpng's simplified interface, on Linux.
  enum PictureEncoder {
    /// Encodes a PNG file.
    ///
    /// - Parameter rgb: The pixels in 8-bit sRGB, row by row from the top.
    static func png(_ rgb: [UInt8], width: Int, height: Int) throws(AvatarError) -> Data {
      var image = png_image()
      image.version = UInt32(PNG_IMAGE_VERSION)
      image.width = UInt32(width)
      image.height = UInt32(height)
      image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
      defer { png_image_free(&image) }
      var count = 0
      guard png_image_write_to_memory(&image, nil, &count, 0, rgb, Int32(3 * width), nil) != 0
      else { throw failure(&image, "the avatar cannot be written") }
      var data = Data(count: count)
      let written = data.withUnsafeMutableBytes { target in
        png_image_write_to_memory(
          &image, target.baseAddress, &count, 0, rgb, Int32(3 * width), nil)
      }
      guard written != 0 else { throw failure(&image, "the avatar cannot be written") }
      return data.prefix(count)
    }
  }

  private let rgba = UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)

  private func failure(_ image: inout png_image, _ what: String) -> AvatarError {
    let text = withUnsafeBytes(of: &image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if text.contains("memory") { return .outOfMemory }
    return .runtimeFailed(component: "libpng", reason: text.isEmpty ? what : "\(what) (\(text))")
  }
#endif
