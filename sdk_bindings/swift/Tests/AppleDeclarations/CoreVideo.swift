// Declarations of Apple's Core Video that the library uses, written from the cited pages.

import Foundation

// https://developer.apple.com/documentation/corevideo/cvpixelbuffer
public final class CVPixelBuffer {}

// https://developer.apple.com/documentation/corevideo/cvreturn
public typealias CVReturn = Int32

// https://developer.apple.com/documentation/corevideo/kcvreturnsuccess
public let kCVReturnSuccess: CVReturn = 0

// https://developer.apple.com/documentation/corevideo/kcvpixelformattype_32bgra
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241

// https://developer.apple.com/documentation/coreservices/ostype
public typealias OSType = UInt32

// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  // https://developer.apple.com/documentation/corevideo/cvpixelbufferlockflags/readonly
  public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

// https://developer.apple.com/documentation/corevideo/cvpixelbufferlockbaseaddress(_:_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferLockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags
) -> CVReturn { 0 }

// https://developer.apple.com/documentation/corevideo/cvpixelbufferunlockbaseaddress(_:_:)
@available(iOS 4.0, macOS 10.4, *)
@discardableResult
public func CVPixelBufferUnlockBaseAddress(
  _ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags
) -> CVReturn { 0 }

// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbaseaddress(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferGetBaseAddress(
  _ pixelBuffer: CVPixelBuffer
) -> UnsafeMutableRawPointer? { nil }

// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetbytesperrow(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }

// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetwidth(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }

// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetheight(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { 0 }

// https://developer.apple.com/documentation/corevideo/cvpixelbuffergetpixelformattype(_:)
@available(iOS 4.0, macOS 10.4, *)
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType { 0 }
