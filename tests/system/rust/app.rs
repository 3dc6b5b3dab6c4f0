// A Tock program as rustc makes it, without Rust's `core`, which is not there for every target. test_rust.py builds it.
#![feature(no_core, lang_items, rustc_attrs, decl_macro)]
#![allow(internal_features, static_mut_refs)]
#![no_core]
#![no_std]
#![no_main]

#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[lang = "copy"]
pub trait Copy {}
impl Copy for u8 {}
impl Copy for u32 {}
impl<T: Copy, const N: usize> Copy for [T; N] {}
#[lang = "sync"]
pub unsafe trait Sync {}
unsafe impl<const N: usize> Sync for [u8; N] {}

#[lang = "drop_in_place"]
unsafe fn drop_in_place<T: PointeeSized>(_: *mut T) {}

#[rustc_builtin_macro]
pub macro global_asm($($text:tt)*) {}

// What libtock-rs's start does: the break, the stack, and .data from where the header of the program (app.ld) says.
global_asm!(
    ".section .start, \"ax\"",
    ".global start",
    ".thumb_func",
    "start:",
    "mov r5, r0",
    "movs r0, #0",
    "ldr r1, [r5, #4]",
    "svc 5",
    "ldr r0, [r5, #8]",
    "mov sp, r0",
    "ldr r0, [r5, #12]",
    "ldr r1, [r5, #16]",
    "ldr r2, [r5, #20]",
    "1: cbz r0, 2f",
    "ldr r3, [r1], #4",
    "str r3, [r2], #4",
    "subs r0, #4",
    "b 1b",
    "2: bl main",
    "movs r0, #0",
    "movs r1, #0",
    "svc 6",
    // say(text, length): allow read-only, command, yield-wait-for of the console.
    ".text",
    ".global say",
    ".thumb_func",
    "say: push {{r1, lr}}",
    "mov r3, r1",
    "mov r2, r0",
    "movs r0, #1",
    "movs r1, #1",
    "svc 4",
    "movs r0, #1",
    "movs r1, #1",
    "ldr r2, [sp]",
    "movs r3, #0",
    "svc 2",
    "movs r0, #2",
    "movs r1, #1",
    "movs r2, #1",
    "svc 0",
    "pop {{r1, pc}}",
);

extern "C" {
    fn say(text: *const u8, length: u32);
}

static TEXT: [u8; TEXT_LENGTH] = *b"TEXT";
static WRONG: [u8; 4] = *b"bad\n";
#[no_mangle]
static mut INITIALIZED: u32 = 0xC0FFEE;
#[no_mangle]
static mut ZERO: u32 = 0;

#[no_mangle]
pub extern "C" fn main() {
    unsafe {
        match (INITIALIZED, ZERO) {
            (0xC0FFEE, 0) => say(&raw const TEXT as *const u8, TEXT_LENGTH),
            _ => say(&raw const WRONG as *const u8, 4),
        }
        INITIALIZED = 1;
        ZERO = 1;
    }
}
