// Declarations of Apple's Image I/O that the library uses, written from the cited pages.

import CoreGraphics
import Foundation

// https://developer.apple.com/documentation/imageio/cgimagesource
public final class CGImageSource {}

// https://developer.apple.com/documentation/imageio/cgimagesourcestatus
public enum CGImageSourceStatus: Int32 {
  case statusUnexpectedEOF = -5
  case statusInvalidData = -4
  case statusUnknownType = -3
  case statusReadingHeader = -2
  case statusIncomplete = -1
  case statusComplete = 0
}

// https://developer.apple.com/documentation/imageio/cgimagesourcecreatewithdata(_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageSourceCreateWithData(
  _ data: CFData, _ options: CFDictionary?
) -> CGImageSource? { nil }

// https://developer.apple.com/documentation/imageio/cgimagesourcegettype(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageSourceGetType(_ isrc: CGImageSource) -> CFString? { nil }

// https://developer.apple.com/documentation/imageio/cgimagesourcegetstatusatindex(_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageSourceGetStatusAtIndex(
  _ isrc: CGImageSource, _ index: Int
) -> CGImageSourceStatus { .statusComplete }

// https://developer.apple.com/documentation/imageio/cgimagesourcecopypropertiesatindex(_:_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageSourceCopyPropertiesAtIndex(
  _ isrc: CGImageSource, _ index: Int, _ options: CFDictionary?
) -> CFDictionary? { nil }

// https://developer.apple.com/documentation/imageio/cgimagesourcecreateimageatindex(_:_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageSourceCreateImageAtIndex(
  _ isrc: CGImageSource, _ index: Int, _ options: CFDictionary?
) -> CGImage? { nil }

// https://developer.apple.com/documentation/imageio/kcgimagesourceshouldcache
@available(iOS 4.0, macOS 10.4, *)
public var kCGImageSourceShouldCache: CFString { "" }

// https://developer.apple.com/documentation/imageio/kcgimagepropertypixelwidth
@available(iOS 4.0, macOS 10.4, *)
public var kCGImagePropertyPixelWidth: CFString { "" }

// https://developer.apple.com/documentation/imageio/kcgimagepropertypixelheight
@available(iOS 4.0, macOS 10.4, *)
public var kCGImagePropertyPixelHeight: CFString { "" }

// https://developer.apple.com/documentation/imageio/kcgimagepropertyorientation
@available(iOS 4.0, macOS 10.4, *)
public var kCGImagePropertyOrientation: CFString { "" }

// https://developer.apple.com/documentation/imageio/cgimagedestination
public final class CGImageDestination {}

// https://developer.apple.com/documentation/imageio/cgimagedestinationcreatewithdata(_:_:_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageDestinationCreateWithData(
  _ data: CFMutableData, _ type: CFString, _ count: Int, _ options: CFDictionary?
) -> CGImageDestination? { nil }

// https://developer.apple.com/documentation/imageio/cgimagedestinationaddimage(_:_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageDestinationAddImage(
  _ idst: CGImageDestination, _ image: CGImage, _ properties: CFDictionary?
) {}

// https://developer.apple.com/documentation/imageio/cgimagedestinationfinalize(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CGImageDestinationFinalize(_ idst: CGImageDestination) -> Bool { false }

// https://developer.apple.com/documentation/imageio/kcgimagedestinationlossycompressionquality
@available(iOS 4.0, macOS 10.4, *)
public var kCGImageDestinationLossyCompressionQuality: CFString { "" }
