//! Writing a planned segment into a frame.
//!
//! Sizes are known before the first byte is written, so the frame is written once: payload (summed
//! while it is copied if the device does not), TCP header, IP header, link header. A device that
//! cuts frames gets a run of full segments in one and numbers the pieces itself.

use wire::checksum::{self, Sum};
use wire::ip::{self, IpEmit, PROTO_TCP};
use wire::offload::{Gso, GsoKind, TxChecksum, TxMeta};
use wire::tcp::{self, CHECKSUM_OFFSET, Emit, HEADER_LEN};
use wire::tcp_options::OptionWriter;

use crate::cx::Cx;
use crate::ip::output::{link_header_len, transport_offset, write_headers};
use crate::tcp::conn::Conn;
use crate::tcp::segment::timestamps::TIMESTAMPS_LEN;
use crate::tcp::send::plan::{SegmentKind, SegmentPlan};
use crate::written::written;

impl Conn {
    /// How much data fits into one frame of `slot` bytes: a run of segments if the device cuts
    /// them.
    pub(crate) fn frame_room(&self, slot: usize) -> u32 {
        let v4 = self.key.remote.ip.is_v4();
        let caps = self.path.caps;
        let headers = transport_offset(&self.path, v4) + HEADER_LEN + self.options_len();
        let fits = slot.saturating_sub(headers) as u32;
        let cuts = if v4 { caps.gso4 } else { caps.gso6 };
        if caps.gso_max == 0 || !cuts || self.snd.is_urgent() {
            return fits.min(self.mss_now());
        }
        let link = link_header_len(self.path.medium);
        let largest = IP_MAX.min((caps.gso_max as usize).saturating_sub(link));
        let headers = ip::header_len(v4) + HEADER_LEN + self.options_len();
        let run = largest.saturating_sub(headers) as u32;
        fits.min(run.max(self.mss_now()))
    }

    /// Writes the options of a segment other than a SYN.
    #[inline]
    fn write_options(&self, cx: &Cx<'_>, writer: &mut OptionWriter) {
        if self.timestamps.enabled {
            writer.timestamps(self.timestamps.option(cx.now));
        }
        if self.sack && self.rcv.has_sack_blocks() {
            writer.sack(&self.rcv.sack_blocks());
        }
    }

    /// Bytes that [`write_options`](Self::write_options) takes.
    #[inline]
    fn options_len(&self) -> usize {
        let stamps = if self.timestamps.enabled { TIMESTAMPS_LEN as usize } else { 0 };
        stamps + self.sack_len() as usize
    }

    /// Bytes that selective acknowledgments take of a segment that leaves now.
    #[inline]
    fn sack_len(&self) -> u32 {
        if !self.sack || !self.rcv.has_sack_blocks() {
            return 0;
        }
        let most = if self.timestamps.enabled { 3 } else { 4 };
        4 + 8 * self.rcv.sack_blocks().len().min(most) as u32
    }

    /// Bytes of data in a full segment that leaves now. `snd.mss` is without the timestamps, which
    /// are always there; selective acknowledgments come and go.
    #[inline]
    pub(crate) fn mss_now(&self) -> u32 {
        self.snd.mss.saturating_sub(self.sack_len()).max(1)
    }

    /// Writes the segment and says what the device has to do. The path is usable, and the plan was
    /// made for this slot.
    pub(crate) fn write(
        &mut self,
        cx: &mut Cx<'_>,
        plan: &SegmentPlan,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        self.write_segment(cx, plan, slot)
    }

    /// The same for a bare ACK: compiled for itself, it is half as long.
    pub(crate) fn write_ack(&mut self, cx: &mut Cx<'_>, slot: &mut [u8]) -> Option<TxMeta> {
        let plan = SegmentPlan::ack(self.snd.nxt);
        self.write_segment(cx, &plan, slot)
    }

    #[inline(always)]
    fn write_segment(
        &mut self,
        cx: &mut Cx<'_>,
        plan: &SegmentPlan,
        slot: &mut [u8],
    ) -> Option<TxMeta> {
        let mut options = OptionWriter::new();
        match plan.kind {
            SegmentKind::Syn => options = self.syn_options(cx).writer(),
            SegmentKind::New | SegmentKind::Retransmit | SegmentKind::Probe | SegmentKind::Ack => {
                self.write_options(cx, &mut options);
            }
        }
        let options = options.finish();
        let (src, dst) = (self.key.local, self.key.remote);
        let v4 = dst.ip.is_v4();
        let start = transport_offset(&self.path, v4);
        let header_len = HEADER_LEN + options.len();
        let segment_len = header_len + plan.len as usize;
        let frame = slot.get_mut(..start + segment_len)?;

        let window = match plan.kind {
            // The window of a SYN is never scaled.
            SegmentKind::Syn => u16::try_from(self.rcv.rcv_wnd()).unwrap_or(u16::MAX),
            _ => self.rcv.advertise_window(cx.memory.pressure()),
        };
        let (_, segment) = frame.split_at_mut(start);
        let (header, payload) = segment.split_at_mut(header_len);
        let partial = self.path.caps.tx_checksum;
        let sum = self.copy_payload(plan, payload, partial);
        let (urgent, urg) = self.urgent_pointer(plan);
        let emit = Emit {
            src_port: src.port,
            dst_port: dst.port,
            seq: plan.seq,
            ack: if plan.flags.ack() { self.rcv.nxt } else { Default::default() },
            flags: plan.flags | urg,
            window,
            urgent,
        };
        let pseudo = checksum::pseudo_header(src.ip, dst.ip, PROTO_TCP, segment_len as u32);
        let checksum = if partial {
            written(tcp::emit_with(header, &emit, options, |_| pseudo.fold()));
            TxChecksum::Partial { start: start as u16, offset: CHECKSUM_OFFSET as u16 }
        } else {
            written(tcp::emit_with(header, &emit, options, |header| {
                (pseudo + header + sum).finish()
            }));
            TxChecksum::Complete
        };
        let mss = if plan.len > 0 { self.mss_now() } else { 0 };
        let cut = plan.len > mss;
        let gso = cut.then(|| Gso {
            kind: GsoKind::tcp(dst.ip),
            size: mss as u16,
            header_len: (start + header_len) as u16,
        });
        // A device numbers the pieces of a run upwards from here (RFC 6864 asks nothing of them).
        let pieces = if cut { plan.len.div_ceil(mss.max(1)) as u16 } else { 1 };
        self.write_ip(frame, segment_len, pieces);
        cx.stats.tcp_segments_out += 1;
        cx.stats.ip_out += 1;
        Some(TxMeta { len: (start + segment_len) as u32, checksum, gso })
    }

    #[inline]
    fn write_ip(&mut self, frame: &mut [u8], segment_len: usize, pieces: u16) {
        let marking = self.options.marking;
        let header = IpEmit {
            src: self.key.local.ip,
            dst: self.key.remote.ip,
            protocol: PROTO_TCP,
            identification: self.identification,
            payload_len: segment_len,
            flow_label: self.flow_label,
            hop_limit: marking.hop_limit,
            traffic_class: marking.traffic_class,
            ..IpEmit::default()
        };
        self.identification = self.identification.wrapping_add(pieces);
        write_headers(frame, &self.path, &header);
    }

    /// Copies the plan's data from the send ring; sums it unless the device will.
    #[inline]
    fn copy_payload(&self, plan: &SegmentPlan, payload: &mut [u8], partial: bool) -> Sum {
        if plan.len == 0 {
            return Sum::ZERO;
        }
        let (a, b) = self.snd.ring.peek_at(plan.offset as usize, plan.len as usize);
        let (to_a, to_b) = payload.split_at_mut(a.len().min(payload.len()));
        if partial {
            to_a.copy_from_slice(a);
            to_b[..b.len()].copy_from_slice(b);
            return Sum::ZERO;
        }
        let sum = checksum::copy_and_sum(to_a, a);
        sum.combine(checksum::copy_and_sum(to_b, b), a.len())
    }
}

/// Largest IP packet that its length field can tell.
const IP_MAX: usize = u16::MAX as usize;
