// Declarations of Apple's CryptoKit module that the library uses, written from the cited pages.

import Foundation

// https://developer.apple.com/documentation/cryptokit/sha256
@available(iOS 13.0, macOS 10.15, *)
public struct SHA256 {
  // https://developer.apple.com/documentation/cryptokit/sha256/init()
  public init() {}

  // https://developer.apple.com/documentation/cryptokit/hashfunction/update(data:)
  public mutating func update<D: DataProtocol>(data: D) {}

  // https://developer.apple.com/documentation/cryptokit/sha256/finalize()
  public func finalize() -> SHA256Digest { SHA256Digest() }
}

// https://developer.apple.com/documentation/cryptokit/sha256digest
@available(iOS 13.0, macOS 10.15, *)
public struct SHA256Digest: Sequence {
  // https://developer.apple.com/documentation/cryptokit/digest
  public func makeIterator() -> Array<UInt8>.Iterator { [UInt8]().makeIterator() }
}
