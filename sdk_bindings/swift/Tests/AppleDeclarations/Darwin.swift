// Declarations of Apple's Darwin module that the library uses, written from the cited pages.

// https://developer.apple.com/documentation/kernel/1579338-memset_s (C11, K.3.7.4.1)
@discardableResult
public func memset_s(
  _ memory: UnsafeMutableRawPointer!, _ size: Int, _ value: Int32, _ count: Int
) -> Int32 { 0 }

// https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/getrusage.2.html
public let RUSAGE_SELF: Int32 = 0
