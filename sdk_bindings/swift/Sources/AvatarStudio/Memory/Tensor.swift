/// What one element of a tensor is.
public enum TensorElement: String, Sendable {
  /// 32-bit floating point (IEEE 754).
  case float32
  /// 32-bit signed integers.
  case int32
}

/// A tensor in row-major order, what backends take and give.
///
/// Its memory comes from the studio's allocator and is zeroed when the tensor is released.
public final class Tensor {
  /// Extent along each axis.
  public let shape: [Int]
  /// What its elements are; each takes four bytes.
  public let element: TensorElement
  private let buffer: Buffer

  /// All elements are 0. Throws `AvatarError.outOfMemory`.
  init(
    _ element: TensorElement = .float32, shape: [Int], allocator: any BufferAllocator
  ) throws(AvatarError) {
    self.shape = shape
    self.element = element
    buffer = try Buffer(byteCount: 4 * shape.reduce(1, *), allocator: allocator)
  }

  /// Number of elements.
  public var count: Int { buffer.bytes.count / 4 }

  /// Calls `body` with the elements' memory, which is valid only during the call.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes)
  }

  /// Calls `body` with the elements of a `float32` tensor; the memory is valid only in the call.
  public func withFloats<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes.bindMemory(to: Float.self))
  }

  /// Calls `body` with the elements of an `int32` tensor; the memory is valid only in the call.
  public func withIntegers<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Int32>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(buffer) {} }
    return try body(buffer.bytes.bindMemory(to: Int32.self))
  }
}
