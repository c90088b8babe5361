/// The type of the elements of a tensor.
public enum ElementType: String, Sendable {
  /// A 32-bit floating-point number (IEEE 754).
  case float32
  /// A 32-bit signed integer.
  case int32
}

/// A tensor in row-major order: an input or output of a `Runner`.
///
/// Its memory comes from the studio's allocator and is zeroed when the tensor is released.
public final class Tensor {
  /// The extent along each axis.
  public let shape: [Int]
  /// The type of the elements. Each element takes four bytes.
  public let elementType: ElementType
  private let buffer: Buffer

  /// Allocates a tensor whose elements are all 0. Throws `AvatarError.outOfMemory`.
  init(
    _ elementType: ElementType = .float32, shape: [Int], allocator: any BufferAllocator
  ) throws(AvatarError) {
    self.shape = shape
    self.elementType = elementType
    buffer = try Buffer(byteCount: 4 * shape.reduce(1, *), allocator: allocator)
  }

  /// The number of elements.
  public var count: Int { buffer.bytes.count / 4 }

  /// Calls `body` with the memory of the elements, which is valid only during the call.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes)
  }

  /// Calls `body` with the elements of a `float32` tensor. The memory is valid only in the call.
  public func withFloats<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes.bindMemory(to: Float.self))
  }

  /// Calls `body` with the elements of an `int32` tensor. The memory is valid only in the call.
  public func withIntegers<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Int32>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes.bindMemory(to: Int32.self))
  }
}
