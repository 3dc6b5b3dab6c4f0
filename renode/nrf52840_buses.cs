// The nRF52840's buses and what goes with them, where Renode has no model with EasyDMA: TWIM, PWM, and the timer of
// SAADC. And TIMER, since Renode's does not wrap. For nrf52840_buses.repl; builds on nrf52840.cs. Written after Nordic's nRF52840 Product Specification v1.7 (PS).

using System.Collections.Generic;
using System.Linq;
using Antmicro.Renode.Core;
using Antmicro.Renode.Core.Structure;
using Antmicro.Renode.Exceptions;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.I2C;
using Antmicro.Renode.Peripherals.Timers;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.Nordic
{
    // TWIM. Devices are registered by their addresses. The lines are outputs, high while the bus is free: connect them to
    // the pins if a driver looks there.
    public class NRF52840_TwoWireMaster : NordicPeripheral, IPeripheralContainer<II2CPeripheral, NumberRegistrationPoint<int>>
    {
        public NRF52840_TwoWireMaster(IMachine machine) : base(machine)
        {
            Scl = new GPIO();
            Sda = new GPIO();
            Scl.Set();
            Sda.Set();
        }

        public override void Reset()
        {
            base.Reset();
            current = null;
            stopping = false;
            transfer++;
            Scl.Set();
            Sda.Set();
        }

        public GPIO Scl { get; private set; }
        public GPIO Sda { get; private set; }

        // How many transfers have ended by a stop, for tests.
        public int Stops { get; private set; }

        public void Register(II2CPeripheral device, NumberRegistrationPoint<int> point)
        {
            devices.Add(point.Address, device);
            machine.RegisterAsAChildOf(this, device, point);
        }

        public void Unregister(II2CPeripheral device)
        {
            devices.Remove(devices.First(one => one.Value == device).Key);
            machine.UnregisterAsAChildOf(this, device);
        }

        public IEnumerable<NumberRegistrationPoint<int>> GetRegistrationPoints(II2CPeripheral device)
        {
            return devices.Where(one => one.Value == device).Select(one => new NumberRegistrationPoint<int>(one.Key)).ToList();
        }

        public IEnumerable<IRegistered<II2CPeripheral, NumberRegistrationPoint<int>>> Children
        {
            get
            {
                return devices.Select(one => Registered.Create(one.Value, new NumberRegistrationPoint<int>(one.Key))).ToList();
            }
        }

        protected override void Task(long offset)
        {
            if(Register(Enable) != Enabled)
            {
                this.Log(LogLevel.Error, "A task of TWIM, which is off");
                return;
            }
            switch(offset)
            {
                case 0x000: // STARTRX
                    Begin(RxStarted, RxLength, Receive);
                    break;
                case 0x008: // STARTTX
                    Begin(TxStarted, TxLength, Transmit);
                    break;
                case 0x014: // STOP
                    Stop();
                    break;
                case 0x020: // RESUME
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override void Write(long offset, uint value)
        {
            switch(offset)
            {
                case ErrorSource: // ones clear
                    SetRegister(offset, Register(offset) & ~value);
                    break;
                case Enable:
                    base.Write(offset, value);
                    if(value != Enabled)
                    {
                        transfer++; // whatever was under way is not, any more
                        stopping = false;
                    }
                    break;
                case 0x540: // RXD.LIST
                case 0x550: // TXD.LIST
                    this.Log(LogLevel.Error, "A list moves the pointer on by itself");
                    break;
                default:
                    base.Write(offset, value);
                    break;
            }
        }

        private void Begin(int started, long length, System.Action action)
        {
            Raise(started);
            var device = Device;
            var stretching = device as StretchingDevice;
            if(stretching != null)
            {
                Scl.Unset();
                After(stretching.Milliseconds * 1000.0, () =>
                {
                    Scl.Set();
                    // Renode's pin forgets its input's level when it has been an output in the meantime.
                    Sda.Unset();
                    Sda.Set();
                });
            }
            var bytes = device == null ? 1 : 1 + (Register(length) & 0xFFFF);
            Later(stretching != null ? stretching.Milliseconds * 1000.0 : bytes * ByteTime, action);
        }

        // Runs `action` unless the hardware has been switched off by then.
        private void Later(double microseconds, System.Action action)
        {
            var scheduled = transfer;
            After(microseconds, () =>
            {
                if(scheduled == transfer)
                {
                    action();
                }
            });
        }

        private void Transmit()
        {
            SetRegister(TxAmount, 0);
            var length = Register(TxLength) & 0xFFFF;
            if(!Acknowledged() || !InDataRam(Register(TxPointer), length))
            {
                return;
            }
            current.Write(machine.SystemBus.ReadBytes(Register(TxPointer), (int)length));
            SetRegister(TxAmount, length);
            Raise(LastTx);
            if(Shortcut(7)) // LASTTX_STARTRX
            {
                Begin(RxStarted, RxLength, Receive);
            }
            if(Shortcut(9)) // LASTTX_STOP
            {
                Stop();
            }
        }

        private void Receive()
        {
            SetRegister(RxAmount, 0);
            var length = Register(RxLength) & 0xFFFF;
            if(!Acknowledged() || !InDataRam(Register(RxPointer), length))
            {
                return;
            }
            var data = current.Read((int)length);
            var bytes = Enumerable.Range(0, (int)length).Select(i => i < data.Length ? data[i] : (byte)0xFF).ToArray();
            machine.SystemBus.WriteBytes(bytes, Register(RxPointer));
            SetRegister(RxAmount, length);
            Raise(LastRx);
            if(Shortcut(12)) // LASTRX_STOP
            {
                Stop();
            }
        }

        private bool Acknowledged()
        {
            current = Device;
            if(current == null)
            {
                SetRegister(ErrorSource, Register(ErrorSource) | AddressNack);
                Raise(Error);
            }
            return current != null;
        }

        private void Stop()
        {
            if(stopping || !Scl.IsSet)
            {
                return;
            }
            stopping = true;
            Later(ByteTime, () =>
            {
                stopping = false;
                if(current != null)
                {
                    current.FinishTransmission();
                }
                current = null;
                Stops++;
                Raise(Stopped);
            });
        }

        private II2CPeripheral Device
        {
            get
            {
                II2CPeripheral device;
                return devices.TryGetValue((int)(Register(Address) & 0x7F), out device) ? device : null;
            }
        }

        // Nine bits, in microseconds: FREQUENCY is the fraction of 16 MHz, of 2^32.
        private double ByteTime { get { return 9 * 4294967296.0 / (Register(Frequency) * 16.0); } }

        private readonly Dictionary<int, II2CPeripheral> devices = new Dictionary<int, II2CPeripheral>();
        private II2CPeripheral current;
        private bool stopping;
        private int transfer;

        private const uint Enabled = 6;
        private const uint AddressNack = 2;
        private const int Stopped = 1;
        private const int Error = 9;
        private const int RxStarted = 19;
        private const int TxStarted = 20;
        private const int LastRx = 23;
        private const int LastTx = 24;
        private const long ErrorSource = 0x4C4;
        private const long Enable = 0x500;
        private const long Frequency = 0x524;
        private const long RxPointer = 0x534;
        private const long RxLength = 0x538;
        private const long RxAmount = 0x53C;
        private const long TxPointer = 0x544;
        private const long TxLength = 0x548;
        private const long TxAmount = 0x54C;
        private const long Address = 0x588;
    }

    // An I2C device that holds the clock low, for so long, whenever somebody calls it.
    public class StretchingDevice : II2CPeripheral
    {
        public StretchingDevice(int milliseconds)
        {
            Milliseconds = milliseconds;
        }

        public int Milliseconds { get; private set; }

        public void Write(byte[] data)
        {
        }

        public byte[] Read(int count = 1)
        {
            return new byte[count];
        }

        public void FinishTransmission()
        {
        }

        public void Reset()
        {
        }
    }

    // PWM: SEQ[0], played once, a value for each channel. Tests ask what its pulses are.
    public class NRF52840_PulseWidth : NordicPeripheral
    {
        public NRF52840_PulseWidth(IMachine machine) : base(machine)
        {
        }

        public override void Reset()
        {
            base.Reset();
            playing = false;
            loading = false;
            stopping = false;
        }

        // Hz of the pulses; 0: there are none.
        public double PulseFrequency { get { return playing ? 16e6 / (1 << (int)(Register(Prescaler) & 7)) / Top : 0; } }

        // Of 10,000: for how much of a period that pin, 32 for P1.00, is high. -1: PWM does not have it.
        public int Duty(int pin)
        {
            for(var channel = 0; channel < Channels; channel++)
            {
                if(playing && Register(0x560 + 4 * channel) == pin)
                {
                    var compare = System.Math.Min(values[channel] & 0x7FFF, Top);
                    var high = (values[channel] & 0x8000) != 0 ? compare : Top - compare; // the first edge falls, or rises
                    return (int)System.Math.Round(10000.0 * high / Top);
                }
            }
            return -1;
        }

        protected override void Task(long offset)
        {
            if((Register(Enable) & 1) == 0)
            {
                this.Log(LogLevel.Error, "A task of PWM, which is off");
                return;
            }
            switch(offset)
            {
                case 0x004: // STOP, at the end of the period
                    if(!stopping)
                    {
                        stopping = true;
                        After(Period, End);
                    }
                    break;
                case 0x008: // SEQSTART[0]
                    loading = true;
                    After(playing ? Period : 1, Load);
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override void Write(long offset, uint value)
        {
            base.Write(offset, value);
            if(offset == Enable && (value & 1) == 0)
            {
                playing = false;
                loading = false;
            }
        }

        private void End()
        {
            stopping = false;
            playing = false;
            loading = false; // what was begun in the meantime is stopped as well
            Raise(1); // STOPPED
        }

        private void Load()
        {
            if(!loading)
            {
                return;
            }
            loading = false;
            if(Register(Count) != Channels || Register(Decoder) != Individual || Register(Loop) != 0)
            {
                this.Log(LogLevel.Error, "PWM is played with other than a value for each channel");
                return;
            }
            if(!InDataRam(Register(Pointer), 2 * Channels))
            {
                return;
            }
            for(var channel = 0; channel < Channels; channel++)
            {
                values[channel] = machine.SystemBus.ReadWord(Register(Pointer) + 2 * (uint)channel);
            }
            playing = true;
            Raise(2); // SEQSTARTED[0]
            After(Period, () => Raise(4)); // SEQEND[0]
        }

        private int Top { get { return (int)System.Math.Max(3, Register(CounterTop) & 0x7FFF); } }

        private double Period { get { return Top * (1 << (int)(Register(Prescaler) & 7)) / 16.0; } }

        private readonly int[] values = new int[Channels];
        private bool playing;
        private bool loading;
        private bool stopping;

        private const int Channels = 4;
        private const uint Individual = 2;
        private const long Enable = 0x500;
        private const long CounterTop = 0x508;
        private const long Prescaler = 0x50C;
        private const long Decoder = 0x510;
        private const long Loop = 0x514;
        private const long Pointer = 0x520;
        private const long Count = 0x524;
    }

    // TIMER: it counts 16 MHz / 2^PRESCALER or, as MODE says, the task COUNT; as wide as BITMODE says, and wraps.
    public class NRF52840_WideTimer : NordicPeripheral
    {
        public NRF52840_WideTimer(IMachine machine, int comparisons) : base(machine)
        {
            compared = new uint[comparisons];
            timer = new LimitTimer(machine.ClockSource, 16000000, this, "counter", limit: Period,
                direction: Direction.Ascending, workMode: WorkMode.Periodic, eventEnabled: true);
            timer.LimitReached += Reached;
        }

        public override void Reset()
        {
            lock(guard)
            {
                base.Reset();
                System.Array.Clear(compared, 0, compared.Length);
                from = 0;
                running = false;
                timer.Reset();
                Arrange();
            }
        }

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
                    from = (uint)(value % Period);
                    timer.Value = 0;
                    Aim();
                }
            }
        }

        protected override void Task(long offset)
        {
            var n = (offset - FirstCapture) / 4;
            if(offset >= FirstCapture && n < compared.Length)
            {
                compared[n] = Counter;
                SetRegister(FirstCompare + 4 * n, compared[n]);
                return;
            }
            switch(offset)
            {
                case 0x000: // START
                    running = true;
                    timer.Enabled = Register(Mode) == 0;
                    break;
                case 0x004: // STOP
                    running = false;
                    timer.Enabled = false;
                    break;
                case 0x008: // COUNT
                    if(running && Register(Mode) != 0)
                    {
                        from = (uint)((from + 1) % Period);
                        RaiseCompared();
                    }
                    break;
                case 0x00C: // CLEAR
                    Counter = 0;
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override void Write(long offset, uint value)
        {
            base.Write(offset, value);
            var n = (offset - FirstCompare) / 4;
            if(offset >= FirstCompare && n < compared.Length)
            {
                compared[n] = (uint)(value % Period);
                Counter = Counter;
            }
            else if(offset == Mode || offset == BitMode || offset == Prescaler)
            {
                if(running)
                {
                    this.Log(LogLevel.Error, "MODE, BITMODE and PRESCALER can be written only while the counter is stopped");
                }
                Arrange();
            }
        }

        private void Arrange()
        {
            timer.Divider = 1 << (int)(Register(Prescaler) & 0xF);
            Counter = Counter;
        }

        // The timer runs from `from` to the next value at which something happens.
        private void Aim()
        {
            var left = Period - from;
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
                RaiseCompared();
            }
        }

        private void RaiseCompared()
        {
            for(var n = 0; n < compared.Length; n++)
            {
                if(compared[n] == from)
                {
                    Raise(16 + n); // COMPARE[n]
                }
            }
        }

        private ulong Period { get { return 1UL << Widths[Register(BitMode) & 3]; } }

        private readonly LimitTimer timer;
        private readonly uint[] compared;
        private uint from;
        private bool running;

        private static readonly int[] Widths = { 16, 8, 24, 32 };
        private const long FirstCapture = 0x040;
        private const long Mode = 0x504;
        private const long BitMode = 0x508;
        private const long Prescaler = 0x510;
        private const long FirstCompare = 0x540;
    }

    // SAADC with its timer: SAMPLE starts it, STOP ends it, and what comes while there is no buffer is lost.
    public class NRF52840_TimedAdc : NRF52840_Adc
    {
        public NRF52840_TimedAdc(IMachine machine) : base(machine)
        {
        }

        public override void Reset()
        {
            base.Reset();
            timer++;
            ready = false;
        }

        // Samples that had no place, for tests.
        public int Lost { get; private set; }

        protected override void Task(long offset)
        {
            switch(offset)
            {
                case 0x000: // START
                    ready = true;
                    base.Task(offset);
                    break;
                case 0x004: // SAMPLE
                    if((Register(0x5F8) & ByTimer) != 0)
                    {
                        Tick(++timer);
                    }
                    else
                    {
                        base.Task(offset);
                    }
                    break;
                case 0x008: // STOP
                    timer++;
                    base.Task(offset);
                    break;
                default:
                    base.Task(offset);
                    break;
            }
        }

        protected override void Raise(int n)
        {
            if(n == End)
            {
                ready = false;
            }
            base.Raise(n);
        }

        private void Tick(int scheduled)
        {
            if(scheduled != timer)
            {
                return;
            }
            if(ready)
            {
                base.Task(0x004);
            }
            else
            {
                Lost++;
            }
            After((Register(0x5F8) & 0x7FF) / 16.0, () => Tick(scheduled));
        }

        private bool ready;
        private int timer;

        private const int End = 1;
        private const uint ByTimer = 1 << 12;
    }
}
