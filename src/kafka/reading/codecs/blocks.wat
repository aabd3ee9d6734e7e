;; Decoders of one block, as blocks.ts uses them. They are fast by guessing little: most copies, literal or match, take 16 bytes or
;; fewer, so 16 are copied, and what was too much is overwritten by the next copy. A processor would mispredict the branches that telling
;; lengths and kinds apart takes. So both read and write up to 64 bytes beyond input and output, which the caller leaves room for.
;;
;; Only matches are checked where they are. That an input does not end where a block does shows at the end, and that the output is too
;; large the caller sees; until then a block that makes no sense reads and writes at random behind its output's start, or beyond the memory,
;; which throws.
;;
;; Both return the end of what they have written, or -1 for a block that makes no sense. Positions are bytes in the memory.
(module
  (memory (export "memory") 1)

  ;; What blocks.ts writes at 0, for each tag of snappy: how many bytes it copies (256 of one byte), what offset is in the tag itself
  ;; (256 of two bytes), and by its two lowest bits which of the bytes behind it are offset (4 of four bytes).

  ;; https://github.com/google/snappy/blob/main/format_description.txt, behind the size.
  (func (export "snappy") (param $input i32) (param $inputEnd i32) (param $start i32) (result i32)
    (local $output i32) (local $tag i32) (local $kind i32) (local $behind i32) (local $next i32)
    (local $length i32) (local $offset i32) (local $from i32)
    (local.set $output (local.get $start))
    (if (i32.lt_u (local.get $input) (local.get $inputEnd)) (then (loop $tags
      (local.set $tag (i32.load8_u (local.get $input)))
      (local.set $behind (i32.load offset=1 align=1 (local.get $input)))
      (local.set $kind (i32.and (local.get $tag) (i32.const 3)))
      (local.set $length (i32.load8_u (local.get $tag)))
      (local.set $offset (i32.add
        (i32.load16_u offset=256 (i32.shl (local.get $tag) (i32.const 1)))
        (i32.and (local.get $behind) (i32.load offset=768 (i32.shl (local.get $kind) (i32.const 2))))))
      (local.set $next (i32.add (local.get $input) (select
        (i32.add (i32.shr_u (local.get $tag) (i32.const 2)) (i32.const 2))
        (i32.add (local.get $kind) (i32.const 1))
        (i32.eqz (local.get $kind)))))
      ;; What is rare has an offset of 0 by the tables: a literal whose length is not in the tag (others have 16), an offset of four bytes.
      ;; One branch asks: is it below 16, or before the start?
      (if (i32.ge_s
            (i32.or
              (i32.sub (local.get $offset) (i32.const 16))
              (i32.sub (i32.sub (local.get $output) (local.get $start)) (local.get $offset)))
            (i32.const 0))
        (then
          (local.set $from (select
            (i32.add (local.get $input) (i32.const 1))
            (i32.sub (local.get $output) (local.get $offset))
            (i32.eqz (local.get $kind))))
          (v128.store align=1 (local.get $output) (v128.load align=1 (local.get $from)))
          (if (i32.gt_u (local.get $length) (i32.const 16)) (then
            (v128.store offset=16 align=1 (local.get $output) (v128.load offset=16 align=1 (local.get $from)))
            (v128.store offset=32 align=1 (local.get $output) (v128.load offset=32 align=1 (local.get $from)))
            (v128.store offset=48 align=1 (local.get $output) (v128.load offset=48 align=1 (local.get $from)))))
          (local.set $output (i32.add (local.get $output) (local.get $length))))
        (else (if (local.get $kind)
          (then
            (if (i32.eq (local.get $kind) (i32.const 3)) (then
              (local.set $offset (local.get $behind))
              (local.set $next (i32.add (local.get $input) (i32.const 5)))))
            (local.set $output (call $repeat
              (local.get $start) (local.get $output) (local.get $offset) (local.get $length)))
            (if (i32.lt_s (local.get $output) (i32.const 0)) (then (return (i32.const -1)))))
          (else
            ;; From 60 on it says how many bytes the length takes. That is less one, so that it does not overflow.
            (local.set $from (i32.add (local.get $input) (i32.const 1)))
            (local.set $length (i32.shr_u (local.get $tag) (i32.const 2)))
            (if (i32.ge_u (local.get $length) (i32.const 60)) (then
              (local.set $from (i32.add (local.get $from) (i32.sub (local.get $length) (i32.const 59))))
              (local.set $length (i32.and (local.get $behind)
                (i32.shr_u (i32.const -1) (i32.shl (i32.sub (i32.const 63) (local.get $length)) (i32.const 3)))))))
            (if (i32.ge_u (local.get $length) (i32.sub (local.get $inputEnd) (local.get $from))) (then (return (i32.const -1))))
            (local.set $length (i32.add (local.get $length) (i32.const 1)))
            (memory.copy (local.get $output) (local.get $from) (local.get $length))
            (local.set $output (i32.add (local.get $output) (local.get $length)))
            (local.set $next (i32.add (local.get $from) (local.get $length)))))))
      (local.set $input (local.get $next))
      (br_if $tags (i32.lt_u (local.get $input) (local.get $inputEnd))))))
    (select (local.get $output) (i32.const -1) (i32.eq (local.get $input) (local.get $inputEnd))))

  ;; https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
  (func (export "lz4") (param $input i32) (param $inputEnd i32) (param $start i32) (result i32)
    (local $output i32) (local $token i32) (local $length i32) (local $offset i32) (local $from i32)
    (local.set $output (local.get $start))
    (loop $sequences
      (local.set $token (i32.load8_u (local.get $input)))
      (local.set $input (i32.add (local.get $input) (i32.const 1)))
      (local.set $length (i32.shr_u (local.get $token) (i32.const 4)))
      (if (i32.ne (local.get $length) (i32.const 15))
        (then (v128.store align=1 (local.get $output) (v128.load align=1 (local.get $input))))
        (else
          (call $longer (local.get $input) (local.get $length))
          (local.set $length)
          (local.set $input)
          (memory.copy (local.get $output) (local.get $input) (local.get $length))))
      (local.set $output (i32.add (local.get $output) (local.get $length)))
      (local.set $input (i32.add (local.get $input) (local.get $length)))
      (if (i32.lt_u (local.get $input) (local.get $inputEnd)) (then
        (local.set $offset (i32.load16_u align=1 (local.get $input)))
        (local.set $input (i32.add (local.get $input) (i32.const 2)))
        (local.set $length (i32.add (i32.and (local.get $token) (i32.const 15)) (i32.const 4)))
        (if (i32.eq (local.get $length) (i32.const 19)) (then
          (call $longer (local.get $input) (local.get $length))
          (local.set $length)
          (local.set $input)))
        ;; Is the offset below 16, or before the start, or the length above 32?
        (if (i32.ge_s
              (i32.or (i32.or
                (i32.sub (local.get $offset) (i32.const 16))
                (i32.sub (i32.sub (local.get $output) (local.get $start)) (local.get $offset)))
                (i32.sub (i32.const 32) (local.get $length)))
              (i32.const 0))
          (then
            (local.set $from (i32.sub (local.get $output) (local.get $offset)))
            (v128.store align=1 (local.get $output) (v128.load align=1 (local.get $from)))
            (v128.store offset=16 align=1 (local.get $output) (v128.load offset=16 align=1 (local.get $from)))
            (local.set $output (i32.add (local.get $output) (local.get $length))))
          (else
            (local.set $output (call $repeat
              (local.get $start) (local.get $output) (local.get $offset) (local.get $length)))
            (if (i32.lt_s (local.get $output) (i32.const 0)) (then (return (i32.const -1))))))
        (br $sequences))))
    (select (local.get $output) (i32.const -1) (i32.eq (local.get $input) (local.get $inputEnd))))

  ;; A length that goes on in the next bytes, up to one that is not 255: what is behind them, and the length.
  (func $longer (param $input i32) (param $length i32) (result i32 i32)
    (local $byte i32)
    (loop $bytes
      (local.set $byte (i32.load8_u (local.get $input)))
      (local.set $input (i32.add (local.get $input) (i32.const 1)))
      (local.set $length (i32.add (local.get $length) (local.get $byte)))
      (br_if $bytes (i32.eq (local.get $byte) (i32.const 255))))
    (local.get $input)
    (local.get $length))

  ;; A match of any length at any distance, which may be within itself: 16 bytes at a time where they do not overlap.
  (func $repeat (param $start i32) (param $output i32) (param $offset i32) (param $length i32) (result i32)
    (local $matchEnd i32)
    (if (i32.eqz (local.get $offset)) (then (return (i32.const -1))))
    (if (i32.gt_u (local.get $offset) (i32.sub (local.get $output) (local.get $start))) (then (return (i32.const -1))))
    (local.set $matchEnd (i32.add (local.get $output) (local.get $length)))
    (if (i32.ge_u (local.get $offset) (i32.const 16))
      (then (loop $sixteen
        (v128.store align=1 (local.get $output) (v128.load align=1 (i32.sub (local.get $output) (local.get $offset))))
        (local.set $output (i32.add (local.get $output) (i32.const 16)))
        (br_if $sixteen (i32.lt_u (local.get $output) (local.get $matchEnd)))))
      (else (loop $one
        (i32.store8 (local.get $output) (i32.load8_u (i32.sub (local.get $output) (local.get $offset))))
        (local.set $output (i32.add (local.get $output) (i32.const 1)))
        (br_if $one (i32.lt_u (local.get $output) (local.get $matchEnd))))))
    (local.get $matchEnd))
)
