// Declarations of Apple's Uniform Type Identifiers that the example screen uses.

// https://developer.apple.com/documentation/uniformtypeidentifiers/uttype-swift.struct
@available(iOS 14.0, macOS 11.0, *)
public struct UTType: Sendable {
  // https://developer.apple.com/documentation/uniformtypeidentifiers/uttype-swift.struct/png
  public static let png = UTType()
}
