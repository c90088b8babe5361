#if !canImport(ImageIO)
  import CPictures
  import Foundation

  /// An ICC profile embedded in a PNG, applied by Little CMS as Pillow does it.
  struct ColourProfile {
    private let profile: [UInt8]

    /// The largest profile that is inflated; those of screens and cameras have some kilobytes.
    private static let mostBytes = 4 << 20

    /// - Parameter chunk: An `iCCP` chunk's data: a name, a zero, method 0, zlib data.
    ///
    /// Nil where it is damaged, and then the picture counts as sRGB.
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

    /// Turns stored colours into sRGB, by the perceptual intent; alpha stays.
    ///
    /// A profile that is damaged or of other colours than the picture's is ignored.
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
