// Declarations of Apple's Core Graphics and Core Foundation that the library uses, written from the
// cited pages. Toll-free bridged classes are one type here: on Apple's platforms `as` converts them.

import Foundation

// https://developer.apple.com/documentation/corefoundation/cfdata
public typealias CFData = NSData
// https://developer.apple.com/documentation/corefoundation/cfmutabledata
public typealias CFMutableData = NSMutableData
// https://developer.apple.com/documentation/corefoundation/cfdictionary
public typealias CFDictionary = NSDictionary
// https://developer.apple.com/documentation/corefoundation/cfstring
public typealias CFString = String

// https://developer.apple.com/documentation/coregraphics/cgcolorspace
@available(iOS 2.0, macOS 10.0, *)
public final class CGColorSpace {
  // https://developer.apple.com/documentation/coregraphics/cgcolorspace/init(name:)
  @available(iOS 2.0, macOS 10.2, *)
  public init?(name: CFString) { nil }

  // https://developer.apple.com/documentation/coregraphics/cgcolorspace/srgb
  @available(iOS 9.0, macOS 10.5, *)
  public static var sRGB: CFString { "" }
}

// https://developer.apple.com/documentation/coregraphics/cgimagealphainfo
public enum CGImageAlphaInfo: UInt32 {
  case none
  case premultipliedLast
  case premultipliedFirst
  case last
  case first
  case noneSkipLast
  case noneSkipFirst
  case alphaOnly
}

// https://developer.apple.com/documentation/coregraphics/cgbitmapinfo
public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

// https://developer.apple.com/documentation/coregraphics/cgcolorrenderingintent
public enum CGColorRenderingIntent: Int32 {
  case defaultIntent
}

// https://developer.apple.com/documentation/coregraphics/cgdataproviderreleasedatacallback
public typealias CGDataProviderReleaseDataCallback =
  @convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer, Int) -> Void

// https://developer.apple.com/documentation/coregraphics/cgdataprovider
@available(iOS 2.0, macOS 10.0, *)
public final class CGDataProvider {
  // https://developer.apple.com/documentation/coregraphics/cgdataprovider/init(data:)
  public init?(data: CFData) { nil }

  // https://developer.apple.com/documentation/coregraphics/cgdataprovider/init(datainfo:data:size:releasedata:)
  public init?(
    dataInfo info: UnsafeMutableRawPointer?, data: UnsafeRawPointer, size: Int,
    releaseData: CGDataProviderReleaseDataCallback
  ) { nil }
}

// https://developer.apple.com/documentation/coregraphics/cgimage
@available(iOS 2.0, macOS 10.0, *)
public final class CGImage {
  // https://developer.apple.com/documentation/coregraphics/cgimage/init(width:height:bitspercomponent:bitsperpixel:bytesperrow:space:bitmapinfo:provider:decode:shouldinterpolate:intent:)
  public init?(
    width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int,
    space: CGColorSpace, bitmapInfo: CGBitmapInfo, provider: CGDataProvider,
    decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool, intent: CGColorRenderingIntent
  ) { nil }
}

// https://developer.apple.com/documentation/coregraphics/cgcontext
@available(iOS 2.0, macOS 10.0, *)
public final class CGContext {
  // https://developer.apple.com/documentation/coregraphics/cgcontext/init(data:width:height:bitspercomponent:bytesperrow:space:bitmapinfo:)
  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
    bytesPerRow: Int, space: CGColorSpace, bitmapInfo: UInt32
  ) { nil }

  // https://developer.apple.com/documentation/coregraphics/cgcontext/setfillcolor(red:green:blue:alpha:)
  public func setFillColor(red: CGFloat, green: CGFloat, blue: CGFloat, alpha: CGFloat) {}

  // https://developer.apple.com/documentation/coregraphics/cgcontext/fill(_:)
  public func fill(_ rect: CGRect) {}

  // https://developer.apple.com/documentation/coregraphics/cgcontext/draw(_:in:bytiling:)
  public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) {}

  // https://developer.apple.com/documentation/coregraphics/cgcontext/flush()
  public func flush() {}
}
