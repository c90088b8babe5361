#if !canImport(ImageIO)
  import CPictures
  import Foundation

  /// The ICC profile of a PNG file.
  ///
  /// Little CMS applies it with the settings that Pillow uses.
  struct ColourProfile {
    private let profile: [UInt8]

    /// The largest profile that is decompressed, in bytes. Profiles of screens and cameras have some
    /// kilobytes.
    private static let mostBytes = 4 << 20

    /// Decompresses a profile. Returns nil if it is damaged; the picture then counts as sRGB.
    ///
    /// - Parameter chunk: The data of an `iCCP` chunk: a name, a zero byte, method 0, zlib data.
    init?(chunk: UnsafeRawBufferPointer) {
      guard let end = chunk.firstIndex(of: 0), end + 2 < chunk.count, chunk[end + 1] == 0 else {
        return nil
      }
      let packed = UnsafeRawBufferPointer(rebasing: chunk[(end + 2)...])
      var count = uLongf(Self.mostBytes)
      var plain = [UInt8](repeating: 0, count: Self.mostBytes)
      let source = packed.bindMemory(to: UInt8.self)
      let status = uncompress(&plain, &count, source.baseAddress, uLong(source.count))
      guard status == Z_OK else { return nil }
      profile = Array(plain.prefix(Int(count)))
    }

    /// Converts stored colours to sRGB with the perceptual intent. Alpha does not change.
    ///
    /// A profile that is damaged, or whose colour space is not the picture's, is ignored.
    ///
    /// - Parameter isGrey: Whether the file stores grey values.
    func apply(to picture: Picture, isGrey: Bool) {
      guard let source = cmsOpenProfileFromMem(profile, UInt32(profile.count)) else { return }
      defer { cmsCloseProfile(source) }
      guard cmsGetColorSpace(source) == (isGrey ? cmsSigGrayData : cmsSigRgbData) else { return }
      guard let target = cmsCreate_sRGBProfile() else { return }
      defer { cmsCloseProfile(target) }
      let format = isGrey ? pictures_grey_of_rgba : pictures_rgba
      guard
        let transform = cmsCreateTransform(
          source, format, target, pictures_rgba, UInt32(INTENT_PERCEPTUAL), 0)
      else { return }
      defer { cmsDeleteTransform(transform) }
      picture.withPixels { pixels in
        cmsDoTransform(
          transform, pixels.baseAddress, pixels.baseAddress, UInt32(picture.width * picture.height))
      }
    }
  }
#endif
