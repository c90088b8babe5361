#if canImport(CoreGraphics)
  import CoreGraphics
  import Foundation

  extension Picture {
    /// Draws an image of the same size on white.
    ///
    /// Core Graphics converts its colours to sRGB.
    func draw(_ image: CGImage) throws(PictureFailure) {
      let drawn = withPixels { pixels in
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
          let context = CGContext(
            data: pixels.baseAddress, width: width, height: height, bitsPerComponent: 8,
            bytesPerRow: 4 * width, space: space,
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        else { return false }
        let whole = CGRect(x: 0, y: 0, width: width, height: height)
        context.setFillColor(red: 1, green: 1, blue: 1, alpha: 1)
        context.fill(whole)
        context.draw(image, in: whole)
        context.flush()
        for index in stride(from: 3, to: pixels.count, by: 4) { pixels[index] = 255 }
        return true
      }
      guard drawn else { throw .outOfMemory }
    }

    /// Returns a Core Graphics image that shares the pixels and keeps this picture alive.
    func cgImage() throws(AvatarError) -> CGImage {
      let owner = Unmanaged.passRetained(self)
      let provider = withPixels { pixels -> CGDataProvider? in
        guard let start = pixels.baseAddress else { return nil }
        return CGDataProvider(
          dataInfo: owner.toOpaque(), data: start, size: pixels.count,
          releaseData: { owner, _, _ in
            if let owner { Unmanaged<Picture>.fromOpaque(owner).release() }
          })
      }
      guard let provider else {
        owner.release()
        throw .outOfMemory
      }
      let image = CGColorSpace(name: CGColorSpace.sRGB).flatMap { space in
        CGImage(
          width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32,
          bytesPerRow: 4 * width, space: space,
          bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.noneSkipLast.rawValue),
          provider: provider, decode: nil, shouldInterpolate: false, intent: .defaultIntent)
      }
      guard let image else { throw .outOfMemory }
      return image
    }
  }
#endif
