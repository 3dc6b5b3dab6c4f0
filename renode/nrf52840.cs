// Peripherals of the nRF52840 that Renode does not model, or not closely enough to test drivers.
//
// Written after Nordic's nRF52840 Product Specification v1.7 (PS); each class names its section. Where the PS
// leaves open what happens, the model does what is worst for a driver: a byte nobody waits for is lost, a comparison
// set too late is missed, memory that DMA cannot reach is an error.
//
// Renode compiles this file at run time (`include`), so it uses nothing newer than C# 7.

using System;
using System.Collections.Generic;
using System.IO;
using Antmicro.Renode.Core;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.GPIOPort;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Memory;
using Antmicro.Renode.Peripherals.Miscellaneous;
using Antmicro.Renode.Peripherals.Sensor;
using Antmicro.Renode.Peripherals.Timers;
using Antmicro.Renode.Peripherals.UART;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.Nordic
{
    // What all of Nordic's peripherals share (PS, "Peripheral interface"): tasks at 0x000, events at 0x100, SHORTS at 0x200,
    // INTEN at 0x300. A register that no subclass knows keeps what is written to it.
    public abstract class NordicPeripheral : IDoubleWordPeripheral, IKnownSize, INRFEventProvider
    {
        protected NordicPeripheral(IMachine machine)
        {
            this.machine = machine;
            IRQ = new GPIO();
        }

        public virtual void Reset()
        {
            lock(guard)
            {
                registers.Clear();
                Array.Clear(events, 0, events.Length);
                interruptEnable = 0;
                generation++;
                UpdateInterrupt();
            }
        }

        public uint ReadDoubleWord(long offset)
        {
            lock(guard)
            {
                if(offset >= FirstEvent && offset < FirstEvent + 4 * Events)
                {
                    return events[(offset - FirstEvent) / 4] ? 1u : 0u;
                }
                switch(offset)
                {
                    case InterruptEnable:
                    case InterruptEnableSet:
                    case InterruptEnableClear:
                        return interruptEnable;
                    default:
                        return offset < FirstEvent ? 0 : Read(offset);
                }
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            lock(guard)
            {
                if(offset < FirstEvent)
                {
                    if((value & 1) != 0)
                    {
                        Task(offset);
                    }
                }
                else if(offset < FirstEvent + 4 * Events)
                {
                    events[(offset - FirstEvent) / 4] = (value & 1) != 0;
                }
                else if(offset == InterruptEnable)
                {
                    interruptEnable = value;
                }
                else if(offset == InterruptEnableSet)
                {
                    interruptEnable |= value;
                }
                else if(offset == InterruptEnableClear)
                {
                    interruptEnable &= ~value;
                }
                else
                {
                    Write(offset, value);
                }
                UpdateInterrupt();
            }
        }

        public GPIO IRQ { get; private set; }

        public virtual long Size { get { return 0x1000; } }

        public event Action<uint> EventTriggered;

        protected virtual void Task(long offset)
        {
            this.Log(LogLevel.Warning, "There is no task at 0x{0:X3}", offset);
        }

        protected virtual uint Read(long offset)
        {
            return Register(offset);
        }

        protected virtual void Write(long offset, uint value)
        {
            registers[offset] = value;
        }

        protected uint Register(long offset)
        {
            uint value;
            return registers.TryGetValue(offset, out value) ? value : 0;
        }

        protected void SetRegister(long offset, uint value)
        {
            registers[offset] = value;
        }

        protected bool Shortcut(int bit)
        {
            return (Register(Shortcuts) & (1u << bit)) != 0;
        }

        // Event n is the register at 0x100 + 4 n and bit n of INTEN.
        protected virtual void Raise(int n)
        {
            events[n] = true;
            UpdateInterrupt();
            var triggered = EventTriggered;
            if(triggered != null)
            {
                triggered((uint)(FirstEvent + 4 * n));
            }
        }

        protected bool Raised(int n)
        {
            return events[n];
        }

        protected bool InterruptEnabled(int n)
        {
            return (interruptEnable & (1u << n)) != 0;
        }

        // Runs `action` later, unless the peripheral has been reset by then.
        protected void After(double microseconds, Action action)
        {
            var scheduled = generation;
            machine.ScheduleAction(TimeInterval.FromNanoseconds((ulong)(microseconds * 1000)), _ =>
            {
                lock(guard)
                {
                    if(scheduled == generation)
                    {
                        action();
                    }
                }
            });
        }

        // EasyDMA reaches the data RAM only (PS, "EasyDMA").
        protected bool InDataRam(uint pointer, uint length)
        {
            if(pointer >= 0x20000000 && (ulong)pointer + length <= 0x20040000)
            {
                return true;
            }
            this.Log(LogLevel.Error, "DMA cannot reach 0x{0:X8}, {1} bytes", pointer, length);
            return false;
        }

        private void UpdateInterrupt()
        {
            var active = false;
            for(var n = 0; n < Events; n++)
            {
                active |= events[n] && InterruptEnabled(n);
            }
            IRQ.Set(active);
        }

        protected readonly IMachine machine;
        protected readonly object guard = new object();

        private readonly Dictionary<long, uint> registers = new Dictionary<long, uint>();
        private readonly bool[] events = new bool[Events];
        private uint interruptEnable;
        private int generation;

        protected const int Events = 32;
        protected const long FirstEvent = 0x100;
        protected const long Shortcuts = 0x200;
        protected const long InterruptEnable = 0x300;
        protected const long InterruptEnableSet = 0x304;
        protected const long InterruptEnableClear = 0x308;
    }

    // The processor's system control block, where Renode's differs from the Cortex-M4 (ARMv7-M Architecture Reference
    // Manual, B3.2): a floating-point instruction without access to the FPU is reported as NOCP, not UNDEFINSTR; HFSR
    // exists. And Renode 1.15.3 stacks the wrong FPU registers unless it does so lazily (FPCCR.LSPEN): so it always does.
    public class NRF52840_Nvic : NVIC, IDoubleWordPeripheral
    {
        public NRF52840_Nvic(IMachine machine)
            : base(machine, systickFrequency: 64000000, priorityMask: 0xE0)
        {
            this.machine = machine;
        }

        public new uint ReadDoubleWord(long offset)
        {
            if(offset == HardFaultStatus)
            {
                return 0;
            }
            if(offset == ConfigurableFaultStatus)
            {
                NameMissingCoprocessor();
            }
            return base.ReadDoubleWord(offset);
        }

        public new void WriteDoubleWord(long offset, uint value)
        {
            switch(offset)
            {
                case HardFaultStatus:
                    return;
                case FpContextControl:
                    value |= LazyStacking;
                    break;
                case CoprocessorAccess:
                    // The kernel changes processes, and has saved the registers of the last one, or does not want them.
                    ForgetFpContext();
                    break;
            }
            base.WriteDoubleWord(offset, value);
        }

        private void ForgetFpContext()
        {
            ICPU cpu;
            if(machine.SystemBus.TryGetCurrentCPU(out cpu))
            {
                ((CortexM)cpu).FPCCR = (uint)((CortexM)cpu).FPCCR & ~LazyStackingActive;
            }
        }

        private void NameMissingCoprocessor()
        {
            ICPU current;
            if(!machine.SystemBus.TryGetCurrentCPU(out current))
            {
                return;
            }
            var cpu = (CortexM)current;
            if(cpu.FaultStatus != UndefinedInstruction || ((uint)cpu.CPACR & FullAccess) == FullAccess)
            {
                return;
            }
            // The handler runs on the main stack, so the other one has the frame of the process.
            var at = machine.SystemBus.ReadDoubleWord((uint)cpu.OtherSP + 24);
            var first = machine.SystemBus.ReadWord(at);
            var second = machine.SystemBus.ReadWord(at + 2);
            // ARMv7-M ARM, A5.3.18: coprocessor instructions; the FPU is number 10 and 11.
            if((first & 0xEC00) == 0xEC00 && (second & 0x0E00) == 0x0A00)
            {
                cpu.FaultStatus = NoCoprocessor;
            }
        }

        private readonly IMachine machine;

        private const long ConfigurableFaultStatus = 0xD28;
        private const long HardFaultStatus = 0xD2C;
        private const long CoprocessorAccess = 0xD88;
        private const long FpContextControl = 0xF34;
        private const uint LazyStacking = 1 << 30;
        private const uint LazyStackingActive = 1;
        private const uint UndefinedInstruction = 1 << 16;
        private const uint NoCoprocessor = 1 << 19;
        private const uint FullAccess = 0xF << 20;
    }

    // POWER (PS 5.3) and CLOCK (PS 5.4), which share a block.
    public class NRF52840_PowerClock : NordicPeripheral
    {
        public NRF52840_PowerClock(IMachine machine) : base(machine)
        {
        }

        // What the next reset will say was its reason, as bits of RESETREAS (PS 5.3).
        public uint NextResetReason { get; set; } = SoftReset;

        // What RESETREAS says already when the chip is started.
        public uint ResetReasons { set { SetRegister(ResetReason, value); } }

        // Whether a 32.768 kHz clock has been asked for: the RTCs stand still without. It comes from the RC oscillator
        // until the crystal runs (PS 5.4).
        public bool LowFrequencyClock { get; private set; }

        public override void Reset()
        {
            // These survive all resets but loss of power.
            var reasons = Register(ResetReason) | NextResetReason;
            var retained = Register(Retained);
            var retained2 = Register(Retained2);
            NextResetReason = SoftReset;
            base.Reset();
            SetRegister(ResetReason, reasons);
            SetRegister(Retained, retained);
            SetRegister(Retained2, retained2);
            LowFrequencyClock = false;
            highStarted = lowStarted = false;
        }

        protected override void Task(long offset)
        {
            switch(offset)
            {
                case 0x000: // HFCLKSTART
                    SetRegister(HighRun, 1);
                    After(360, () =>
                    {
                        highStarted = Register(HighRun) == 1;
                        Raise(0); // HFCLKSTARTED
                    });
                    break;
                case 0x004: // HFCLKSTOP
                    SetRegister(HighRun, 0);
                    highStarted = false;
                    break;
                case 0x008: // LFCLKSTART
                    var source = Register(LowSource);
                    SetRegister(LowRun, 1);
                    SetRegister(LowSourceCopy, source);
                    LowFrequencyClock = true;
                    After((source & 3) == Crystal ? 250000 : 600, () =>
                    {
                        lowStarted = Register(LowRun) == 1;
                        Raise(1); // LFCLKSTARTED
                    });
                    break;
                case 0x00C: // LFCLKSTOP
                    SetRegister(LowRun, 0);
                    lowStarted = LowFrequencyClock = false;
                    break;
                case 0x010: // CAL
                    After(16000, () => Raise(3)); // DONE
                    break;
                case 0x078: // CONSTLAT
                case 0x07C: // LOWPWR
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override uint Read(long offset)
        {
            switch(offset)
            {
                case 0x40C: // HFCLKSTAT: the crystal, or the RC oscillator, which always runs
                    return highStarted ? 0x10001u : 0x10000u;
                case 0x418: // LFCLKSTAT
                    return lowStarted ? 0x10000 | (Register(LowSourceCopy) & 3) : 0;
                case 0x428: // RAMSTATUS
                    return 0xF;
                default:
                    return base.Read(offset);
            }
        }

        protected override void Write(long offset, uint value)
        {
            switch(offset)
            {
                case ResetReason: // a 1 clears
                    SetRegister(ResetReason, Register(ResetReason) & ~value);
                    break;
                case Retained:
                case Retained2:
                    SetRegister(offset, value & 0xFF);
                    break;
                case 0x500: // SYSTEMOFF
                    this.Log(LogLevel.Warning, "SYSTEMOFF is not modelled");
                    break;
                default:
                    base.Write(offset, value);
                    break;
            }
        }

        private bool highStarted;
        private bool lowStarted;

        private const long ResetReason = 0x400;
        private const long HighRun = 0x408;
        private const long LowRun = 0x414;
        private const long LowSourceCopy = 0x41C;
        private const long LowSource = 0x518;
        private const long Retained = 0x51C;
        private const long Retained2 = 0x520;
        private const uint SoftReset = 1 << 2;
        private const uint Crystal = 1;
    }

    // WDT (PS 6.36). While the processor sleeps it stands still, unless CONFIG says otherwise; Renode's always runs.
    public class NRF52840_WorkWatchdog : NordicPeripheral
    {
        public NRF52840_WorkWatchdog(IMachine machine, CortexM cpu, NRF52840_PowerClock clock) : base(machine)
        {
            this.cpu = cpu;
            this.clock = clock;
        }

        public override void Reset()
        {
            lock(guard)
            {
                base.Reset();
                SetRegister(ReloadValue, 0xFFFFFFFF);
                SetRegister(ReloadEnable, 1);
                SetRegister(Config, 1);
                running = false;
            }
        }

        // Milliseconds that are left, for tests.
        public uint Left { get { return running ? (uint)(LeftMicroseconds / 1000) : 0; } }

        protected override void Task(long offset)
        {
            if(offset != 0x000) // START
            {
                base.Task(offset);
                return;
            }
            running = true;
            Reload();
        }

        protected override uint Read(long offset)
        {
            switch(offset)
            {
                case 0x400: // RUNSTATUS
                    return running ? 1u : 0u;
                case 0x404: // REQSTATUS: RR[0] is the only one here
                    return 1;
                default:
                    return base.Read(offset);
            }
        }

        protected override void Write(long offset, uint value)
        {
            if(offset == FirstRequest)
            {
                if(value != 0x6E524635)
                {
                    this.Log(LogLevel.Error, "0x{0:X8} in RR[0] feeds nobody", value);
                }
                else if(running)
                {
                    Reload();
                }
            }
            else if(running && (offset == ReloadValue || offset == ReloadEnable || offset == Config))
            {
                this.Log(LogLevel.Error, "the watchdog runs: 0x{0:X3} cannot be written", offset);
            }
            else
            {
                base.Write(offset, value);
            }
        }

        private void Reload()
        {
            begun = Microseconds;
            Wait();
        }

        private void Wait()
        {
            var current = ++wait;
            After(Math.Max(LeftMicroseconds, 1), () =>
            {
                if(current != wait || !running)
                {
                    return;
                }
                if(LeftMicroseconds > 0) // it has slept
                {
                    Wait();
                    return;
                }
                this.Log(LogLevel.Warning, "the watchdog resets the chip");
                running = false;
                clock.NextResetReason = 1 << 1; // DOG
                machine.RequestReset();
            });
        }

        private double LeftMicroseconds
        {
            get { return (Register(ReloadValue) + 1.0) * 1e6 / 32768 - (Microseconds - begun); }
        }

        // What counts: all time, or that in which the processor executes.
        private double Microseconds
        {
            get
            {
                return (Register(Config) & 1) != 0
                    ? machine.ElapsedVirtualTime.TimeElapsed.TotalMicroseconds
                    : cpu.ExecutedInstructions / (double)cpu.PerformanceInMips;
            }
        }

        private readonly CortexM cpu;
        private readonly NRF52840_PowerClock clock;
        private bool running;
        private double begun;
        private int wait;

        private const long ReloadValue = 0x504;
        private const long ReloadEnable = 0x508;
        private const long Config = 0x50C;
        private const long FirstRequest = 0x600;
    }

    // RTC (PS 6.22): a counter of 24 bits, with overflow and comparisons.
    public class NRF52840_RealTimeCounter : NordicPeripheral
    {
        public NRF52840_RealTimeCounter(IMachine machine, NRF52840_PowerClock clock, int comparisons) : base(machine)
        {
            this.clock = clock;
            compared = new uint[comparisons];
            tooLate = new bool[comparisons];
            timer = new LimitTimer(machine.ClockSource, Frequency, this, "counter", limit: Period,
                direction: Direction.Ascending, workMode: WorkMode.Periodic, eventEnabled: true);
            timer.LimitReached += Reached;
        }

        public override void Reset()
        {
            lock(guard)
            {
                base.Reset();
                Array.Clear(compared, 0, compared.Length);
                Array.Clear(tooLate, 0, tooLate.Length);
                from = 0;
                timer.Reset();
            }
        }

        // Can be set to come near an overflow without waiting for it.
        public uint Counter
        {
            get
            {
                return (uint)((from + timer.Value) % Period);
            }
            set
            {
                lock(guard)
                {
                    from = value % Period;
                    timer.Value = 0;
                    Aim();
                }
            }
        }

        protected override void Task(long offset)
        {
            switch(offset)
            {
                case 0x000: // START
                    if(!clock.LowFrequencyClock)
                    {
                        this.Log(LogLevel.Error, "Started without the low-frequency clock: it stands still");
                        break;
                    }
                    timer.Enabled = true;
                    break;
                case 0x004: // STOP
                    timer.Enabled = false;
                    break;
                case 0x008: // CLEAR
                    Counter = 0;
                    break;
                case 0x00C: // TRIGOVRFLW
                    Counter = 0xFFFFF0;
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override uint Read(long offset)
        {
            switch(offset)
            {
                case Count:
                    return Counter;
                case EventEnableSet:
                case EventEnableClear:
                    return Register(EventEnable);
                default:
                    return base.Read(offset);
            }
        }

        protected override void Write(long offset, uint value)
        {
            var n = (offset - FirstCompare) / 4;
            if(offset >= FirstCompare && n < compared.Length)
            {
                var counter = Counter;
                compared[n] = value & 0xFFFFFF;
                SetRegister(offset, compared[n]);
                // PS 6.22: a comparison with COUNTER or COUNTER + 1 may come to nothing.
                tooLate[n] = timer.Enabled && compared[n] == (counter + 1) % Period;
                Counter = counter;
                return;
            }
            switch(offset)
            {
                case EventEnableSet:
                    SetRegister(EventEnable, Register(EventEnable) | value);
                    break;
                case EventEnableClear:
                    SetRegister(EventEnable, Register(EventEnable) & ~value);
                    break;
                case Prescaler:
                    if(timer.Enabled)
                    {
                        this.Log(LogLevel.Error, "PRESCALER can be written only while the counter is stopped");
                        break;
                    }
                    SetRegister(offset, value & 0xFFF);
                    timer.Divider = (int)(value & 0xFFF) + 1;
                    break;
                default:
                    base.Write(offset, value);
                    break;
            }
        }

        // The timer runs from `from` to the next value at which something happens.
        private void Aim()
        {
            ulong left = Period - from;
            foreach(var value in compared)
            {
                var distance = (value + Period - from) % Period;
                if(distance != 0 && distance < left)
                {
                    left = distance;
                }
            }
            timer.Limit = left;
        }

        private void Reached()
        {
            lock(guard)
            {
                from = (uint)((from + timer.Limit) % Period);
                Aim();
                for(var n = 0; n < compared.Length; n++)
                {
                    if(compared[n] != from)
                    {
                        continue;
                    }
                    if(tooLate[n])
                    {
                        this.Log(LogLevel.Debug, "Comparison {0} was set too late and is missed", n);
                        tooLate[n] = false;
                        continue;
                    }
                    RaiseIfEnabled(16 + n); // COMPARE[n]
                }
                if(from == 0)
                {
                    RaiseIfEnabled(1); // OVRFLW
                }
            }
        }

        // PS 6.22: an event that neither EVTEN nor INTEN asks for is not made at all.
        private void RaiseIfEnabled(int n)
        {
            if(InterruptEnabled(n) || (Register(EventEnable) & (1u << n)) != 0)
            {
                Raise(n);
            }
        }

        private readonly NRF52840_PowerClock clock;
        private readonly LimitTimer timer;
        private uint from;
        private readonly uint[] compared;
        private readonly bool[] tooLate;

        private const int Frequency = 32768;
        private const uint Period = 1 << 24;
        private const long EventEnable = 0x340;
        private const long EventEnableSet = 0x344;
        private const long EventEnableClear = 0x348;
        private const long Count = 0x504;
        private const long Prescaler = 0x508;
        private const long FirstCompare = 0x540;
    }

    // UART and UARTE (PS "UART" and 6.34), byte by byte at the speed of the line. What is sent to the board waits outside until
    // the line is free, and, with flow control, until RTS lets it come; a byte that arrives while the receiver is off, or its
    // FIFO full, is lost.
    public class NRF52840_SerialPort : UARTBase, IDoubleWordPeripheral, IKnownSize, INRFEventProvider
    {
        public NRF52840_SerialPort(IMachine machine) : base(machine)
        {
            registers = new Registers(machine, this);
            IRQ = registers.IRQ;
        }

        public override void Reset()
        {
            base.Reset();
            registers.Reset();
        }

        public uint ReadDoubleWord(long offset)
        {
            return registers.ReadDoubleWord(offset);
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            registers.WriteDoubleWord(offset, value);
        }

        public override Bits StopBits { get { return registers.TwoStopBits ? Bits.Two : Bits.One; } }
        public override Parity ParityBit { get { return registers.EvenParity ? Parity.Even : Parity.None; } }
        public override uint BaudRate { get { return registers.BaudRate; } }
        public long Size { get { return 0x1000; } }
        public GPIO IRQ { get; private set; }

        // How many microseconds the line is idle before each byte for the board.
        public uint Gap { get; set; }

        // How many bytes nobody took in time.
        public int Lost { get { return registers.Lost; } }

        // Puts the bytes of a host's file on the line, one behind the other.
        public void SendFile(string path)
        {
            foreach(var value in File.ReadAllBytes(path))
            {
                WriteChar(value);
            }
        }

        public event Action<uint> EventTriggered
        {
            add { registers.EventTriggered += value; }
            remove { registers.EventTriggered -= value; }
        }

        protected override void CharWritten()
        {
            registers.BytesWait();
        }

        protected override void QueueEmptied()
        {
        }

        private readonly Registers registers;

        private class Registers : NordicPeripheral
        {
            public Registers(IMachine machine, NRF52840_SerialPort port) : base(machine)
            {
                this.port = port;
            }

            public override void Reset()
            {
                lock(guard)
                {
                    base.Reset();
                    SetRegister(Baud, 0x04000000);
                    for(var offset = 0x508; offset <= 0x514; offset += 4)
                    {
                        SetRegister(offset, 0xFFFFFFFF); // PSEL: disconnected
                    }
                    fifo.Clear();
                    sending = stopSending = receiverOn = stoppingReceiver = receiving = lineBusy = false;
                    received = 0;
                    Lost = 0;
                }
            }

            public bool TwoStopBits { get { return (Register(Config) & 0x10) != 0; } }
            public bool EvenParity { get { return (Register(Config) & 0xE) == 0xE; } }
            public uint BaudRate { get { return (uint)Math.Round(Register(Baud) * 16e6 / 4294967296.0); } }
            public int Lost { get; private set; }

            // The host has put bytes on the line, or RTS may have changed.
            public void BytesWait()
            {
                lock(guard)
                {
                    if(!lineBusy && port.Count > 0 && MaySend)
                    {
                        lineBusy = true;
                        After(port.Gap + ByteTime, Arrived);
                    }
                }
            }

            protected override void Task(long offset)
            {
                switch(offset)
                {
                    case 0x000: // STARTRX
                        if(Mode == Off || Register(0x514) == 0xFFFFFFFF)
                        {
                            port.Log(LogLevel.Error, "STARTRX without ENABLE and PSEL.RXD");
                            break;
                        }
                        receiverOn = true;
                        if(Mode == WithDma)
                        {
                            StartReceiving();
                        }
                        break;
                    case 0x004: // STOPRX
                        if(Mode == WithDma && receiverOn)
                        {
                            if(receiving)
                            {
                                EndReceiving();
                            }
                            stoppingReceiver = true;
                            // Up to four more bytes may come before the other side has noticed (PS 6.34).
                            After(5 * ByteTime, () =>
                            {
                                stoppingReceiver = false;
                                if(!receiving)
                                {
                                    receiverOn = false;
                                    Raise(RxTimeOut);
                                }
                            });
                            break;
                        }
                        receiverOn = false;
                        break;
                    case 0x008: // STARTTX
                        StartSending();
                        break;
                    case 0x00C: // STOPTX
                        if(sending)
                        {
                            stopSending = true;
                        }
                        else
                        {
                            Raise(TxStopped);
                        }
                        break;
                    case 0x02C: // FLUSHRX
                        receiveAt = Register(RxPointer);
                        receiveLimit = Register(RxLength);
                        received = 0;
                        receiving = true;
                        DrainFifo();
                        if(receiving)
                        {
                            EndReceiving();
                        }
                        break;
                    default:
                        base.Task(offset);
                        break;
                }
            }

            protected override uint Read(long offset)
            {
                if(offset == Rxd)
                {
                    var value = fifo.Count > 0 ? fifo.Dequeue() : (byte)0;
                    if(fifo.Count > 0)
                    {
                        Raise(RxReady);
                    }
                    return value;
                }
                return base.Read(offset);
            }

            protected override void Write(long offset, uint value)
            {
                switch(offset)
                {
                    case Enable:
                        if(value == Off)
                        {
                            receiverOn = receiving = false;
                            fifo.Clear();
                        }
                        base.Write(offset, value);
                        break;
                    case Txd:
                        if(Mode != WithoutDma)
                        {
                            port.Log(LogLevel.Error, "TXD is written, but ENABLE is {0}", Mode);
                            break;
                        }
                        After(ByteTime, () =>
                        {
                            port.TransmitCharacter((byte)value);
                            Raise(TxReady);
                        });
                        break;
                    case ErrorSource: // a 1 clears
                        SetRegister(offset, Register(offset) & ~value);
                        break;
                    case RxAmount:
                    case TxAmount:
                        break;
                    default:
                        base.Write(offset, value);
                        break;
                }
            }

            private void StartSending()
            {
                if(Mode != WithDma)
                {
                    return; // without DMA each byte goes when it is written
                }
                if(Register(0x50C) == 0xFFFFFFFF)
                {
                    port.Log(LogLevel.Error, "STARTTX without PSEL.TXD");
                    return;
                }
                if(sending)
                {
                    port.Log(LogLevel.Error, "STARTTX while a transfer is under way");
                    return;
                }
                var pointer = Register(TxPointer);
                var length = Register(TxLength) & 0xFFFF;
                stopSending = false;
                SetRegister(TxAmount, 0);
                Raise(TxStarted);
                if(length == 0 || !InDataRam(pointer, length))
                {
                    Raise(EndTx);
                    return;
                }
                sending = true;
                SendNext(pointer, length, 0);
            }

            private void SendNext(uint pointer, uint length, uint sent)
            {
                if(sent == length || stopSending)
                {
                    sending = false;
                    SetRegister(TxAmount, sent);
                    Raise(EndTx);
                    if(stopSending)
                    {
                        stopSending = false;
                        Raise(TxStopped);
                    }
                    return;
                }
                // Read when it is sent: who changes the buffer meanwhile sees what comes of it.
                After(ByteTime, () =>
                {
                    if(sending)
                    {
                        port.TransmitCharacter(machine.SystemBus.ReadByte(pointer + sent));
                        Raise(TxReady);
                        SendNext(pointer, length, sent + 1);
                    }
                });
            }

            private void Arrived()
            {
                byte value;
                lineBusy = false;
                if(port.TryGetCharacter(out value))
                {
                    if(!receiverOn)
                    {
                        port.Log(LogLevel.Warning, "0x{0:X2} is lost: the receiver is off", value);
                        Lost++;
                    }
                    else if(fifo.Count == FifoSize)
                    {
                        port.Log(LogLevel.Warning, "0x{0:X2} is lost: the FIFO is full", value);
                        Lost++;
                        SetRegister(ErrorSource, Register(ErrorSource) | 1); // OVERRUN
                        Raise(Error);
                    }
                    else
                    {
                        fifo.Enqueue(value);
                        Raise(RxReady); // for each byte, wherever it goes (PS 6.34)
                        DrainFifo();
                    }
                }
                BytesWait();
            }

            private void StartReceiving()
            {
                // Pointer and length are latched, so that the next ones can be set during the transfer.
                receiveAt = Register(RxPointer);
                receiveLimit = Register(RxLength) & 0xFFFF;
                received = 0;
                receiving = true;
                Raise(RxStarted);
                DrainFifo();
            }

            private void DrainFifo()
            {
                DrainFifoOnce();
                BytesWait();
            }

            private void DrainFifoOnce()
            {
                while(receiving && Mode == WithDma && fifo.Count > 0 && received < receiveLimit)
                {
                    var value = fifo.Dequeue();
                    if(InDataRam(receiveAt + received, 1))
                    {
                        machine.SystemBus.WriteByte(receiveAt + received, value);
                    }
                    received++;
                    if(received == receiveLimit)
                    {
                        EndReceiving();
                    }
                }
            }

            private void EndReceiving()
            {
                receiving = false;
                SetRegister(RxAmount, received);
                Raise(EndRx);
                if(Shortcut(5)) // ENDRX_STARTRX
                {
                    StartReceiving();
                }
                if(Shortcut(6)) // ENDRX_STOPRX
                {
                    Task(0x004);
                }
            }

            // RTS (PS 6.34): the receiver asks for silence while its FIFO has less than four free places, or it is off.
            private bool MaySend
            {
                get
                {
                    var flowControl = (Register(Config) & 1) != 0 && Register(0x508) != 0xFFFFFFFF;
                    return !flowControl || (receiverOn && !stoppingReceiver && fifo.Count <= FifoSize - 4);
                }
            }

            private uint Mode { get { return Register(Enable) & 0xF; } }

            private double ByteTime
            {
                get
                {
                    var bits = 10 + (EvenParity ? 1 : 0) + (TwoStopBits ? 1 : 0);
                    return bits * 1e6 / Math.Max(BaudRate, 1200);
                }
            }

            private readonly NRF52840_SerialPort port;
            private readonly Queue<byte> fifo = new Queue<byte>();
            private bool sending;
            private bool stopSending;
            private bool receiverOn;
            private bool stoppingReceiver;
            private bool receiving;
            private bool lineBusy;
            private uint receiveAt;
            private uint receiveLimit;
            private uint received;

            private const int FifoSize = 6;
            private const uint Off = 0;
            private const uint WithoutDma = 4;
            private const uint WithDma = 8;
            private const int RxReady = 2;
            private const int EndRx = 4;
            private const int TxReady = 7;
            private const int EndTx = 8;
            private const int Error = 9;
            private const int RxTimeOut = 17;
            private const int RxStarted = 19;
            private const int TxStarted = 20;
            private const int TxStopped = 22;
            private const long ErrorSource = 0x480;
            private const long Enable = 0x500;
            private const long Rxd = 0x518;
            private const long Txd = 0x51C;
            private const long Baud = 0x524;
            private const long RxPointer = 0x534;
            private const long RxLength = 0x538;
            private const long RxAmount = 0x53C;
            private const long TxPointer = 0x544;
            private const long TxLength = 0x548;
            private const long TxAmount = 0x54C;
            private const long Config = 0x56C;
        }
    }

    // PPI (PS 6.16): a channel triggers a task at the moment of an event. Renode's does it at the next sync of the machine,
    // up to a millisecond later. Not there: the preprogrammed channels 20 to 31.
    public class NRF52840_Interconnect : IDoubleWordPeripheral, IKnownSize
    {
        public NRF52840_Interconnect(IMachine machine)
        {
            this.machine = machine;
        }

        public void Reset()
        {
            registers.Clear();
            enabled = 0;
        }

        public uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
                case ChannelEnable:
                case ChannelEnableSet:
                case ChannelEnableClear:
                    return enabled;
                default:
                    return Register(offset);
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            switch(offset)
            {
                case ChannelEnable:
                    enabled = value;
                    break;
                case ChannelEnableSet:
                    enabled |= value;
                    break;
                case ChannelEnableClear:
                    enabled &= ~value;
                    break;
                default:
                    if(offset < FirstGroupTask + 8 * Groups)
                    {
                        if((value & 1) != 0)
                        {
                            GroupTask(offset);
                        }
                        break;
                    }
                    registers[offset] = value;
                    if(offset >= FirstEndpoint && offset < FirstEndpoint + 8 * Channels && offset % 8 == 0)
                    {
                        Watch(value);
                    }
                    break;
            }
        }

        public long Size { get { return 0x1000; } }

        // Every peripheral that is the source of some channel is listened to once and for ever.
        private void Watch(uint eventAddress)
        {
            var source = machine.SystemBus.WhatPeripheralIsAt(eventAddress) as INRFEventProvider;
            var block = eventAddress & ~0xFFFu;
            if(source == null)
            {
                if(eventAddress != 0)
                {
                    this.Log(LogLevel.Error, "There are no events at 0x{0:X8}", eventAddress);
                }
            }
            else if(watched.Add(block))
            {
                source.EventTriggered += offset => Triggered(block + offset);
            }
        }

        private void Triggered(uint address)
        {
            for(var channel = 0; channel < Channels; channel++)
            {
                if((enabled & (1u << channel)) != 0 && Register(FirstEndpoint + 8 * channel) == address)
                {
                    Trigger(Register(FirstEndpoint + 8 * channel + 4));
                    Trigger(Register(FirstFork + 4 * channel));
                }
            }
        }

        private void Trigger(uint task)
        {
            if(task != 0)
            {
                machine.SystemBus.WriteDoubleWord(task, 1);
            }
        }

        private void GroupTask(long offset)
        {
            var members = Register(FirstGroup + 4 * (offset / 8));
            enabled = offset % 8 == 0 ? enabled | members : enabled & ~members;
        }

        private uint Register(long offset)
        {
            uint value;
            return registers.TryGetValue(offset, out value) ? value : 0;
        }

        private readonly IMachine machine;
        private readonly Dictionary<long, uint> registers = new Dictionary<long, uint>();
        private readonly HashSet<uint> watched = new HashSet<uint>();
        private uint enabled;

        private const int Channels = 20;
        private const int Groups = 6;
        private const long FirstGroupTask = 0x000;
        private const long ChannelEnable = 0x500;
        private const long ChannelEnableSet = 0x504;
        private const long ChannelEnableClear = 0x508;
        private const long FirstEndpoint = 0x510;
        private const long FirstGroup = 0x800;
        private const long FirstFork = 0x910;
    }

    // GPIOTE (PS 6.10): Renode's takes a pin to be low when a channel begins to watch it, and so misses the first press of
    // a button. It keeps the level in the bit OUTINIT, which has no meaning for an event.
    public class NRF52840_PinEvents : NRF52840_GPIOTasksEvents
    {
        public NRF52840_PinEvents(IMachine machine, NRF52840_GPIO port0, NRF52840_GPIO port1)
            : base(machine, port0, port1)
        {
            ports = new[] { port0, port1 };
        }

        public override void WriteDoubleWord(long offset, uint value)
        {
            if(offset >= FirstConfig && offset < FirstConfig + 8 * 4 && (value & 3) == EventMode)
            {
                var pin = ports[(value >> 13) & 1].Pins[(value >> 8) & 31];
                value = pin.InputValue ? value | OutInit : value & ~OutInit;
            }
            base.WriteDoubleWord(offset, value);
        }

        private readonly NRF52840_GPIO[] ports;

        private const long FirstConfig = 0x510;
        private const uint EventMode = 1;
        private const uint OutInit = 1 << 20;
    }

    // NVMC (PS 4.3): pages become 0xFF, and what is written can only clear bits. Writes go straight to the memory, so
    // they are looked at afterwards: when READY is read, or CONFIG written. Writing without CONFIG.WEN goes unnoticed.
    public class NRF52840_FlashController : NordicPeripheral
    {
        public NRF52840_FlashController(IMachine machine, MappedMemory flash, MappedMemory uicr) : base(machine)
        {
            this.flash = flash;
            this.uicr = uicr;
        }

        public override void Reset()
        {
            base.Reset();
            before = null;
        }

        // How many pages were erased and words written, for tests.
        public int ErasedPages { get; private set; }
        public int WrittenWords { get; private set; }

        // Writes the flash from `start` to `end` to a file of the host.
        public void Save(string path, uint start, uint end)
        {
            File.WriteAllBytes(path, flash.ReadBytes(start, (int)(end - start)));
        }

        protected override uint Read(long offset)
        {
            switch(offset)
            {
                case 0x400: // READY
                case 0x408: // READYNEXT
                    Look();
                    return 1;
                default:
                    return base.Read(offset);
            }
        }

        protected override void Write(long offset, uint value)
        {
            switch(offset)
            {
                case Config:
                    Look();
                    base.Write(offset, value & 3);
                    before = (value & 3) == WriteEnable ? flash.ReadBytes(0, (int)flash.Size) : null;
                    break;
                case 0x508: // ERASEPAGE
                    Erase(value, flash, value, PageSize);
                    break;
                case 0x50C: // ERASEALL
                    Erase(0, flash, 0, (int)flash.Size);
                    Erase(0, uicr, 0, (int)uicr.Size);
                    break;
                case 0x514: // ERASEUICR
                    Erase(0, uicr, 0, (int)uicr.Size);
                    break;
                case 0x518: // ERASEPAGEPARTIAL: a page is erased when the pieces come to 85 ms
                    var piece = Register(0x51C) & 0x7F;
                    partial = value == partialPage ? partial + piece : piece;
                    partialPage = value;
                    if(partial >= 85)
                    {
                        partial = 0;
                        Erase(value, flash, value, PageSize);
                    }
                    break;
                default:
                    base.Write(offset, value);
                    break;
            }
        }

        private void Erase(uint address, MappedMemory memory, uint at, int length)
        {
            if((Register(Config) & 3) != EraseEnable)
            {
                this.Log(LogLevel.Error, "Erasing 0x{0:X8} without CONFIG.EEN does nothing", address);
                return;
            }
            if(at % PageSize != 0 || at >= memory.Size)
            {
                this.Log(LogLevel.Error, "There is no page at 0x{0:X8}", at);
                return;
            }
            memory.SetRange(at, length, 0xFF);
            ErasedPages += length / PageSize;
        }

        // Makes what was written since the last look what flash would have made of it.
        private void Look()
        {
            if(before == null)
            {
                return;
            }
            var after = flash.ReadBytes(0, (int)flash.Size);
            for(var at = 0; at < after.Length; at += 8)
            {
                if(BitConverter.ToUInt64(before, at) == BitConverter.ToUInt64(after, at))
                {
                    continue;
                }
                for(var word = at; word < at + 8; word += 4)
                {
                    var old = BitConverter.ToUInt32(before, word);
                    var written = BitConverter.ToUInt32(after, word);
                    if(old == written)
                    {
                        continue;
                    }
                    WrittenWords++;
                    if((old & written) != written)
                    {
                        this.Log(LogLevel.Warning, "0x{0:X8} at 0x{1:X8} becomes 0x{2:X8}: it was not erased",
                            written, word, old & written);
                        flash.WriteDoubleWord(word, old & written);
                    }
                }
            }
            before = flash.ReadBytes(0, (int)flash.Size);
        }

        private readonly MappedMemory flash;
        private readonly MappedMemory uicr;
        private byte[] before; // the flash at the last look, while writing is enabled
        private uint partial;
        private uint partialPage;

        private const int PageSize = 4096;
        private const long Config = 0x504;
        private const uint WriteEnable = 1;
        private const uint EraseEnable = 2;
    }

    // TEMP (PS 6.28): a measurement takes 36 us and counts quarters of a degree.
    public class NRF52840_Thermometer : NordicPeripheral, ITemperatureSensor
    {
        public NRF52840_Thermometer(IMachine machine) : base(machine)
        {
            Temperature = 25;
        }

        public decimal Temperature { get; set; }

        protected override void Task(long offset)
        {
            switch(offset)
            {
                case 0x000: // START
                    started = true;
                    After(36, () =>
                    {
                        if(started)
                        {
                            started = false;
                            SetRegister(0x508, (uint)(int)Math.Round(Temperature * 4));
                            Raise(0); // DATARDY
                        }
                    });
                    break;
                case 0x004: // STOP
                    started = false;
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        private bool started;
    }

    // SAADC (PS "SAADC"): each SAMPLE converts all channels that have an input and puts the results into the buffer.
    public class NRF52840_Adc : NordicPeripheral
    {
        public NRF52840_Adc(IMachine machine) : base(machine)
        {
            millivolts[9] = 3000; // VDD
            millivolts[13] = 1000; // VDDH / 5
        }

        // Inputs as in PSELP: 1 to 8 are AIN0 to AIN7, 9 is VDD.
        public void SetMillivolts(int input, int value)
        {
            millivolts[input] = value;
        }

        protected override void Task(long offset)
        {
            switch(offset)
            {
                case 0x000: // START
                    at = Register(0x62C);
                    limit = Register(0x630) & 0x7FFF;
                    amount = 0;
                    converting = Register(Enable) == 1;
                    Raise(0); // STARTED
                    break;
                case 0x004: // SAMPLE
                    if(!converting)
                    {
                        this.Log(LogLevel.Error, "SAMPLE without ENABLE and START");
                        break;
                    }
                    After(40, Convert);
                    break;
                case 0x008: // STOP
                    if(converting)
                    {
                        End();
                    }
                    Raise(5); // STOPPED
                    break;
                case 0x00C: // CALIBRATEOFFSET
                    After(100, () => Raise(4)); // CALIBRATEDONE
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        private void Convert()
        {
            for(var channel = 0; channel < 8 && converting; channel++)
            {
                var input = Register(0x510 + 16 * channel) & 0x1F;
                if(input == 0)
                {
                    continue;
                }
                var config = Register(0x518 + 16 * channel);
                double volts = millivolts[input] / 1000.0;
                if((config & (1 << 20)) != 0) // differential
                {
                    volts -= millivolts[Register(0x514 + 16 * channel) & 0x1F] / 1000.0;
                }
                var reference = (config & (1 << 12)) != 0 ? millivolts[9] / 4000.0 : 0.6;
                var bits = 8 + 2 * (int)(Register(0x5F0) & 3) - ((config & (1 << 20)) != 0 ? 1 : 0);
                var full = 1 << bits;
                var result = (int)Math.Round(volts * Gains[(config >> 8) & 7] / reference * full);
                result = Math.Max(-full, Math.Min(full - 1, result));
                if(InDataRam(at + 2 * amount, 2))
                {
                    machine.SystemBus.WriteWord(at + 2 * amount, (ushort)result);
                }
                amount++;
                Raise(2); // DONE
                Raise(3); // RESULTDONE
                if(amount == limit)
                {
                    End();
                }
            }
        }

        private void End()
        {
            converting = false;
            SetRegister(0x634, amount);
            Raise(1); // END
        }

        private readonly int[] millivolts = new int[32];
        private bool converting;
        private uint at;
        private uint limit;
        private uint amount;

        private static readonly double[] Gains = { 1 / 6.0, 1 / 5.0, 1 / 4.0, 1 / 3.0, 1 / 2.0, 1, 2, 4 };
        private const long Enable = 0x500;
    }

    // FICR (PS "FICR"): what Nordic writes into each chip.
    public class NRF52840_FactoryInformation : IDoubleWordPeripheral, IKnownSize
    {
        public NRF52840_FactoryInformation(IMachine machine)
        {
        }

        public void Reset()
        {
        }

        public ulong DeviceId { get; set; } = 0x0123456789ABCDEF;
        public ulong DeviceAddress { get; set; } = 0xC0FFEE123456;

        public uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
                case 0x010: // CODEPAGESIZE
                    return 4096;
                case 0x014: // CODESIZE
                    return 256;
                case 0x060: // DEVICEID[0]
                    return (uint)DeviceId;
                case 0x064: // DEVICEID[1]
                    return (uint)(DeviceId >> 32);
                case 0x0A0: // DEVICEADDRTYPE: random
                    return 1;
                case 0x0A4: // DEVICEADDR[0]
                    return (uint)DeviceAddress;
                case 0x0A8: // DEVICEADDR[1]
                    return (uint)(DeviceAddress >> 32) & 0xFFFF;
                case 0x100: // INFO.PART
                    return 0x52840;
                case 0x104: // INFO.VARIANT: AAD0
                    return 0x41414430;
                case 0x108: // INFO.PACKAGE: QI
                    return 0x2004;
                case 0x10C: // INFO.RAM, KB
                    return 256;
                case 0x110: // INFO.FLASH, KB
                    return 1024;
                default:
                    return 0xFFFFFFFF;
            }
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            this.Log(LogLevel.Error, "FICR cannot be written");
        }

        public long Size { get { return 0x1000; } }
    }
}
