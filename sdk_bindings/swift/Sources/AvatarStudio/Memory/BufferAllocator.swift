import Foundation

#if canImport(Darwin)
  import Darwin
#endif

/// Provides the memory that holds selfies and what is computed from them.
///
/// The library sets every byte to 0 before it returns memory. A test can pass its own allocator and
/// so verify that nothing of a selfie remains.
public protocol BufferAllocator: Sendable {
  /// Returns memory that is aligned to 64 bytes, with any content, or nil if there is not enough.
  func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer?

  /// Takes back memory that `allocate` returned. All of its bytes are 0.
  func deallocate(_ memory: UnsafeMutableRawBufferPointer)
}

/// Allocates memory from the system.
///
/// It is the default of `StudioOptions`.
public struct SystemAllocator: BufferAllocator {
  /// Creates an allocator. It has no state, so any two behave the same.
  public init() {}

  /// Returns memory that is aligned to 64 bytes, or nil if the system has no more.
  public func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    var start: UnsafeMutableRawPointer?
    guard posix_memalign(&start, 64, max(byteCount, 1)) == 0 else { return nil }
    return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  /// Returns memory to the system.
  public func deallocate(_ memory: UnsafeMutableRawBufferPointer) {
    free(memory.baseAddress)
  }
}

/// Memory that is zeroed and returned to its allocator when the last reference to it is released.
final class Buffer {
  let bytes: UnsafeMutableRawBufferPointer
  private let allocator: any BufferAllocator

  /// Allocates bytes that are all 0. Throws `AvatarError.outOfMemory`.
  init(byteCount: Int, allocator: any BufferAllocator) throws(AvatarError) {
    guard let bytes = allocator.allocate(byteCount: byteCount) else {
      throw AvatarError.outOfMemory
    }
    self.bytes = bytes
    self.allocator = allocator
    zero(bytes)
  }

  deinit {
    zero(bytes)
    allocator.deallocate(bytes)
  }
}

/// Writes zeros with a function that no optimizer removes, even directly before memory is freed.
private func zero(_ bytes: UnsafeMutableRawBufferPointer) {
  guard let start = bytes.baseAddress else { return }
  #if canImport(Darwin)
    memset_s(start, bytes.count, 0, bytes.count)
  #else
    explicit_bzero(start, bytes.count)
  #endif
}
